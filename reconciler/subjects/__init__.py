"""Facts about what waits for a decision, about its counterpart in Feishu, and about what we did: data only."""
