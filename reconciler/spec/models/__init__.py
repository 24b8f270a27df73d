"""What an author may write, one file per area. Everything is frozen, camelCase in files, unknown fields refused."""
