"""Bytebase's resources, one file per kind: what stands there, and how it is written."""
