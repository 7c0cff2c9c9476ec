"""Digits in INFO requests, the two ways phones send them: application/dtmf-relay and application/dtmf."""

import re
from dataclasses import dataclass

DEFAULT_MS, SHORTEST_MS, LONGEST_MS = 250, 40, 5000
RELAY, PLAIN = "application/dtmf-relay", "application/dtmf"
_DIGIT = re.compile(r"[0-9*#A-D]")
_NUMBERS = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}


@dataclass(frozen=True, slots=True)
class InfoDigit:
    """One digit; its text form is a dtmf-relay body."""

    digit: str
    duration_ms: int = DEFAULT_MS

    @classmethod
    def parse(cls, content_type: str | None, body: bytes) -> "InfoDigit | None":
        """None when the content is about something else. Raises ValueError when it is about a digit and wrong."""
        match (content_type or "").partition(";")[0].strip().lower():
            case "application/dtmf-relay":
                return cls._relay(body.decode("ascii", "replace"))
            case "application/dtmf":
                return cls(_digit(body.decode("ascii", "replace")))
            case _:
                return None

    @classmethod
    def _relay(cls, text: str) -> "InfoDigit":
        fields = {
            name.strip().lower(): value.strip()
            for name, separator, value in (line.partition("=") for line in text.splitlines())
            if separator
        }
        duration = fields.get("duration", "")
        milliseconds = int(duration) if duration.isdigit() and len(duration) < 6 else DEFAULT_MS
        return cls(_digit(fields.get("signal", "")), min(max(milliseconds, SHORTEST_MS), LONGEST_MS))

    def __str__(self) -> str:
        return f"Signal={self.digit}\r\nDuration={self.duration_ms}\r\n"

    def __repr__(self) -> str:
        return "InfoDigit(...)"  # what callers key in is often a secret


def _digit(text: str) -> str:
    digit = text.strip().upper()
    digit = _NUMBERS.get(digit, digit)
    if _DIGIT.fullmatch(digit) is None:
        raise ValueError("no DTMF digit")
    return digit
