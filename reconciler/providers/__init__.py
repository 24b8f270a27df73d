"""The upstreams: Bytebase, Feishu and Lark, and the OA systems of external nodes."""
