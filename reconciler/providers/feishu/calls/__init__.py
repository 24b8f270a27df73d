"""Feishu's calls, one file per area: each method is one documented call, typed on both sides."""
