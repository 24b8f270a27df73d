"""The read-only page: what waits, what is held and why, who approved what."""
