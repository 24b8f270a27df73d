"""Both faces of the API on one port: routing, JSON mapping, masks and errors, driven by the server's own description."""
