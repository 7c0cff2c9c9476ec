"""Measurements of speed and memory: `make bench`, or `make bench ONLY=media` for a part."""
