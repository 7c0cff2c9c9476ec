"""What is logged inside a block, as a process would write it."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

from jambones.common import logs


@contextmanager
def logged(*, level: str = "debug", format: Literal["json", "text"] = "json") -> Iterator[io.StringIO]:
    """Everything is as before after it."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, root_level, config = root.handlers[:], root.level, structlog.get_config()
    own, accounts = logs.verbosity.level, logs.verbosity.debug_accounts
    logs.configure("test", level=level, format=format, stream=stream)
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(root_level)
        structlog.configure(**config)
        logs.verbosity.level, logs.verbosity.debug_accounts = own, accounts
