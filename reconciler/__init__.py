"""Database changes in Bytebase, approved in Feishu or Lark, declared in Git."""

__version__ = "0.1.0"
