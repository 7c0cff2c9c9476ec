"""Calls: what happens to one from its first request to its last event."""
