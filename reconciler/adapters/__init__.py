"""Small adapters, one port each."""
