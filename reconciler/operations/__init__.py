"""Use cases: each is asynchronous and knows ports and the pure core, never a provider."""
