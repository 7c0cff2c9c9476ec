"""Log lines of several processes on one terminal: JSON becomes readable, each process has its colour."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

COLOURS = (36, 35, 34, 32, 33, 96, 95, 94)
LEVELS = {"debug": 2, "warning": 33, "error": 31, "critical": 31}
HIDDEN = {"ts", "timestamp", "level", "service", "msg", "event", "logger", "pid", "node", "exception"}


@dataclass
class Terminal:
    """Writes lines; with colour when `stream` is a terminal. Lines of servers below `noisy` appear in files only."""

    stream: TextIO
    quiet: frozenset[str] = frozenset({"postgres", "nats", "rtpengine"})
    colour: bool = field(init=False)
    _order: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.colour = self.stream.isatty()

    def __call__(self, name: str, line: str) -> None:
        if name in self.quiet and not line.startswith("ended with"):
            return
        number = COLOURS[self._order.setdefault(name, len(self._order)) % len(COLOURS)]
        text = render(line, self._paint)
        self.say(f"{self._paint(f'{name:<15}', number)} {text}")

    def say(self, text: str) -> None:
        try:
            self.stream.write(text + "\n")
            self.stream.flush()
        except BrokenPipeError:
            pass  # nobody reads any more; the files have it

    def _paint(self, text: str, number: int) -> str:
        return f"\033[{number}m{text}\033[0m" if self.colour else text


def render(line: str, paint: Callable[[str, int], str] = lambda text, number: text) -> str:
    """A line of JSON as "12:00:01 text name=value"; any other line as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    stamp = str(entry.get("ts") or entry.get("timestamp") or "")
    clock = stamp.partition("T")[2][:8]
    level = str(entry.get("level", "info")).lower()
    message = str(entry.get("msg") or entry.get("event") or "")
    details = " ".join(f"{key}={_short(value)}" for key, value in entry.items() if key not in HIDDEN)
    shown = paint(message, LEVELS[level]) if level in LEVELS else message
    mark = f"{level.upper()} " if level in ("warning", "error", "critical") else ""
    trace = "\n" + str(entry["exception"]) if entry.get("exception") else ""
    return " ".join(part for part in (clock, mark + shown, paint(details, 2) if details else "") if part) + trace


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text if len(text) <= 120 else text[:117] + "…"
