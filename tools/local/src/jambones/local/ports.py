"""Ports: is one free, and which one is, for TCP and UDP together."""

import errno
import random
import socket
from contextlib import ExitStack


def is_free(port: int, host: str = "127.0.0.1", *, udp: bool = False) -> bool:
    """True when TCP (with `udp`, UDP too) can be bound there now."""
    try:
        with ExitStack() as stack:
            _bind(stack, host, port, socket.SOCK_STREAM)
            if udp:
                _bind(stack, host, port, socket.SOCK_DGRAM)
    except OSError as exc:
        if exc.errno in (errno.EADDRINUSE, errno.EACCES):
            return False
        raise
    return True


def free_port(host: str = "127.0.0.1", *, near: int = 0, span: int = 1) -> int:
    """A port that is free now for TCP and UDP, with the `span - 1` after it; the first from `near` on when given.

    Without `near` it lies below the range the kernel takes ports for outgoing connections from, so that it stays free.
    """
    candidates = range(near, min(near + 200, 65536 - span)) if near else _scattered()
    for candidate in candidates:
        if all(is_free(candidate + i, host, udp=True) for i in range(span)):
            return candidate
    raise OSError(errno.EADDRINUSE, f"no free port on {host}")


def _scattered() -> list[int]:
    # Tests of several processes look at the same time; starting at random they seldom meet.
    return [random.randrange(15000, 24900) for _ in range(500)]


def _bind(stack: ExitStack, host: str, port: int, kind: socket.SocketKind) -> None:
    sock = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind))
    if kind is socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
