"""Logs: one line of JSON (or text, for people) an event on standard output, constant text with attributes.

Records of the standard library (the SIP and media libraries, aiohttp) take the same road, with their `extra` as
attributes. `call_sid` and `account_sid` are bound once where a call enters (`bind`) and are on every line after.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from jambones.common.private import Private

LEVELS: dict[str, int] = {
    "debug": 10,
    "info": 20,
    "warn": 30,
    "warning": 30,
    "error": 40,
    "exception": 40,
    "critical": 50,
}
SECRET = re.compile(
    r"(?i)^(proxy[-_])?authorization$|password|passwd|secret|api_?key|token|private_key|^digits?$|transcript"
)
REPEATS_PER_10_S = 20


class Verbosity:
    """How much is logged; may change while running."""

    def __init__(self) -> None:
        self.level = self._own = 20
        self.debug_accounts: frozenset[str] = frozenset()

    def set_level(self, level: str) -> None:
        """The process's own level."""
        self.level = self._own = LEVELS[level.lower()]

    def set_debug(self, everything: bool, accounts: Iterable[str] = ()) -> None:
        """Log everything at debug, or what belongs to `accounts`, whatever the process's own level is."""
        self.level = LEVELS["debug"] if everything else self._own
        self.debug_accounts = frozenset(accounts)

    def debugs(self, account_sid: str) -> bool:
        """Whether debug lines of this account are written: for whoever would have to work for such a line."""
        return self.level <= LEVELS["debug"] or account_sid in self.debug_accounts

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        if LEVELS.get(method, 20) < self.level and event.get("account_sid") not in self.debug_accounts:
            raise structlog.DropEvent
        return event


class Repeats:
    """Lets through a repeating error 20 times in ten seconds, then says how many it held back."""

    def __init__(self, limit: int = REPEATS_PER_10_S) -> None:
        self.limit = limit
        self._seen: dict[str, int] = {}
        self._until = 0.0

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        if LEVELS.get(method, 20) < 30:
            return event
        now = time.monotonic()
        text = str(event.get("event"))
        if now >= self._until:
            self._until, held = now + 10, self._seen.get(text, 0) - self.limit
            self._seen.clear()
            if held > 0:
                event["held_back"] = held
        if text not in self._seen and len(self._seen) >= 1000:
            return event
        self._seen[text] = count = self._seen.get(text, 0) + 1
        if count > self.limit:
            raise structlog.DropEvent
        return event


class Lines:
    """A stream that never fails whoever logs: what cannot be written is lost.

    A pipe whose reader is gone must end neither a call nor the process's own end. It is replaced by nothing, since
    the interpreter would fail on it at exit as well.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._sparing():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._sparing():
            self._stream.flush()

    @contextmanager
    def _sparing(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self._stream.fileno())
            os.close(nothing)
        except (OSError, ValueError):  # a full disk; a stream that was closed
            return


verbosity = Verbosity()


def bind(**attributes: Any) -> None:
    """Put attributes on every following line of this task and the tasks it starts: `bind(call_sid=…)`."""
    structlog.contextvars.bind_contextvars(**attributes)


def unbind() -> None:
    """Forget what is bound: a task may descend from another call's, by a connection that was opened for that one."""
    structlog.contextvars.clear_contextvars()


def configure(
    service: str,
    *,
    level: str = "info",
    format: Literal["json", "text"] = "json",
    stream: TextIO | None = None,
) -> None:
    """Set up structlog and the standard library's logging for this process."""
    verbosity.set_level(level)
    out = cast(TextIO, Lines(stream or sys.stdout))
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        verbosity,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _Service(service),
        _hide,
    ]
    render: list[Processor]
    if format == "json":
        # Local variables stay out: numbers, digits and secrets are among them.
        tracebacks = structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        )
        render = [tracebacks, _rename, structlog.processors.JSONRenderer(default=str)]
    else:
        render = [
            structlog.dev.ConsoleRenderer(
                colors=False, timestamp_key="ts", pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[*shared, Repeats(), *render],
        wrapper_class=_Logger,
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=stream is None,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    handler.addFilter(_wanted)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG)
    for noisy in ("asyncio", "aiohttp.access", "nats", "faker", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _Logger(structlog.make_filtering_bound_logger(logging.DEBUG)):  # type: ignore[misc]
    """Drops what nobody wants at debug before anything is put together for it: every request has such a line."""

    def debug(self, event: str, *args: Any, **attributes: Any) -> Any:
        if verbosity.level > LEVELS["debug"] and not verbosity.debug_accounts:
            return None
        return super().debug(event, *args, **attributes)


def _wanted(record: logging.LogRecord) -> bool:
    """The standard library's records pass here first: a DropEvent inside a formatter would be reported as an error."""
    if record.levelno >= verbosity.level:
        return True
    account = structlog.contextvars.get_contextvars().get("account_sid", getattr(record, "account_sid", None))
    return account in verbosity.debug_accounts


class _Service:
    def __init__(self, service: str) -> None:
        self.service = service

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        event["service"] = self.service
        return event


def _rename(logger: Any, method: str, event: EventDict) -> EventDict:
    event["msg"] = event.pop("event", "")
    return event


def _hide(logger: Any, method: str, event: EventDict) -> EventDict:
    """Secrets by name are masked; private values by type show their token, in containers too."""
    for key, value in event.items():
        if isinstance(value, Private):
            event[key] = str(value)
        elif SECRET.search(key) and value is not None:
            event[key] = "***"
        elif isinstance(value, dict | list | tuple):
            event[key] = _hidden(value)
    return event


def _hidden(value: Any) -> Any:
    if isinstance(value, Private):
        return str(value)
    if isinstance(value, MutableMapping):
        return {
            key: "***" if isinstance(key, str) and SECRET.search(key) else _hidden(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_hidden(inner) for inner in value]
    return value
