"""The long-running half: queue, pollers, host, and the pages it serves."""
