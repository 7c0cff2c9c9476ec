"""Ports: is one free, and which one is, for TCP and UDP together."""

import errno
import os
import random
import socket
from contextlib import ExitStack

from jambones.local.servers import ServerError

RANGE = "JAMBONES_LOCAL_PORT_RANGE"
"""The setting "15000-24899": where free ports are looked for. Whoever starts several platforms at the same moment gives
each a stretch of its own, since a port that is picked is not taken before somebody listens there."""
DEFAULT = range(15000, 24900)


def searched(text: str) -> range:
    """The ports from one to the other of "15000-24899"; `DEFAULT` for "". Raises ServerError."""
    if not text:
        return DEFAULT
    first, dash, last = text.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) - 300 < 65236):
        raise ServerError(f"{RANGE} is not FIRST-LAST, ports from 1024 to 65535 with 300 between them: {text}")
    return range(int(first), int(last) + 1)


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

    Without `near` it lies below the range the kernel takes ports for outgoing connections from, so that it stays free,
    or in the stretch that JAMBONES_LOCAL_PORT_RANGE names.
    """
    candidates = range(near, min(near + 200, 65536 - span)) if near else _scattered(span)
    for candidate in candidates:
        if all(is_free(candidate + i, host, udp=True) for i in range(span)):
            return candidate
    raise OSError(errno.EADDRINUSE, f"no free port on {host}")


def _scattered(span: int) -> list[int]:
    # Others look at the same time; starting at random they seldom meet.
    ports = searched(os.environ.get(RANGE, ""))
    return [random.randrange(ports.start, ports.stop - span + 1) for _ in range(500)]


def _bind(stack: ExitStack, host: str, port: int, kind: socket.SocketKind) -> None:
    sock = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind))
    if kind is socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
