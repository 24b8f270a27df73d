"""The gate loop: one pass reads a subject, decides, does one thing, records it, and says when to look again."""
