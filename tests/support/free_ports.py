"""Ports for tests: free now, below the range that outgoing connections use."""

from jambones.local.ports import free_port, is_free

__all__ = ["free_port", "is_free"]
