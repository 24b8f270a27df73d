"""Stand-ins of Bytebase and Feishu, faults, a request log, and a page where a person acts as anybody."""
