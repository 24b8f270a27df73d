"""Bytebase as the product sees it: a typed client, and the ports it serves."""
