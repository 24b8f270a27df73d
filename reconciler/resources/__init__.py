"""The kinds of things that a spec declares and an upstream holds: one file per kind."""
