"""Session timers: RFC 4028. What both sides agree on, and the one timer that follows from it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import uniform
from typing import Literal

from jambones.sip.grammar import GrammarError, parse_params
from jambones.sip.message import Message, Request, Response
from jambones.sip.timers import Timer, TimerWheel

OPTION = "timer"
Role = Literal["uac", "uas"]
_LONGEST = 86_400
_EARLIER = 5.0  # a refresh comes up to this much before half the interval, so that not all come at once
_MARGIN = 32.0
_RETRY = 10.0


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """The header's value. ``interval`` in seconds; the roles are those in the transaction at hand."""

    interval: int
    refresher: Role | None = None

    @classmethod
    def parse(cls, text: str) -> "SessionExpires":
        """Raises GrammarError."""
        return _parse(text)

    @classmethod
    def of(cls, message: Message) -> "SessionExpires | None":
        """That of a message; one that cannot be read counts as none."""
        value = message.headers.get("Session-Expires")
        try:
            return cls.parse(value) if value is not None else None
        except GrammarError:
            return None

    def __str__(self) -> str:
        return f"{self.interval};refresher={self.refresher}" if self.refresher else str(self.interval)


@lru_cache(maxsize=256)
def _parse(text: str) -> SessionExpires:
    number, _, rest = text.partition(";")
    number = number.strip()
    if not number.isdecimal() or len(number) > 9:
        raise GrammarError("session-expires", text)
    refresher = (parse_params(rest).get("refresher") or "").lower()
    return SessionExpires(int(number), "uac" if refresher == "uac" else "uas" if refresher == "uas" else None)


@dataclass(frozen=True, slots=True)
class Agreement:
    """The session ends when nobody refreshes it for ``interval`` seconds; ``ours``: we refresh it."""

    interval: int
    ours: bool

    @property
    def asked(self) -> str:
        """Session-Expires in a request of ours that goes on with it."""
        return str(SessionExpires(self.interval, "uac" if self.ours else "uas"))


def min_se(message: Message) -> int:
    """The least interval the other side takes, 0 when it does not say."""
    value = (message.headers.get("Min-SE") or "").partition(";")[0].strip()
    return min(int(value), _LONGEST) if value.isdecimal() and len(value) < 10 else 0


def too_brief(request: Request, least: int) -> bool:
    """Whether the request gets 422 with our Min-SE (section 9): only who knows timers can make use of that."""
    asked = SessionExpires.of(request)
    return asked is not None and asked.interval < least and _knows(request)


def accept(request: Request, least: int) -> tuple[Agreement | None, list[tuple[str, str]]]:
    """What a 2xx of ours agrees to, and its header rows: as much as was asked for, never less than ``least``."""
    asked = SessionExpires.of(request)
    if asked is None:
        return None, []
    interval = min(max(asked.interval, least, min_se(request)), _LONGEST)
    # Whoever does not know timers cannot refresh: a proxy on the way has asked (section 9, table 2).
    refresher: Role = (asked.refresher or "uac") if _knows(request) else "uas"
    rows = [("Session-Expires", str(SessionExpires(interval, refresher)))]
    if refresher == "uac":
        rows.append(("Require", OPTION))
    return Agreement(interval, ours=refresher == "uas"), rows


def agreed(response: Response) -> Agreement | None:
    """What a 2xx to our request agrees to; None: the session never expires (section 7.2)."""
    answer = SessionExpires.of(response)
    if answer is None or answer.interval <= 0:
        return None
    return Agreement(min(answer.interval, _LONGEST), ours=answer.refresher != "uas")


def _knows(request: Request) -> bool:
    return OPTION in request.supported or OPTION in request.require


def _nothing() -> None:
    """What happens after the end."""


class SessionTimer:
    """Calls ``refresh`` when it is our turn, ``expired`` when the session is over."""

    def __init__(self, wheel: TimerWheel, refresh: Callable[[], None], expired: Callable[[], None]) -> None:
        self._wheel = wheel
        self._refresh = refresh
        self._expired = expired
        self._next: Timer | None = None
        self._end: Timer | None = None
        self._closed = False
        self.agreement: Agreement | None = None

    def agree(self, agreement: Agreement | None) -> None:
        """A new agreement, or the old one refreshed; None: no timer any more."""
        self._stop()
        self.agreement = agreement
        if agreement is None or self._closed:
            return
        interval = agreement.interval
        self._end = self._wheel.after(interval - min(_MARGIN, interval / 3), self._expired)
        if agreement.ours:
            self._next = self._wheel.after(interval / 2 - uniform(0, min(_EARLIER, interval / 10)), self._refresh)

    def again(self) -> None:
        """The refresh was refused: try once more before the end."""
        if self.agreement is not None and not self._closed:
            self._next = self._wheel.after(max(_RETRY, self.agreement.interval / 8), self._refresh)

    def close(self) -> None:
        self._closed = True
        self._stop()
        self._refresh = self._expired = _nothing  # lets go of the leg

    def _stop(self) -> None:
        for timer in (self._next, self._end):
            if timer is not None:
                timer.cancel()
        self._next = self._end = None
