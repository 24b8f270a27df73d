"""Feishu and Lark: the client, the managed definition, instances as facts, and events."""
