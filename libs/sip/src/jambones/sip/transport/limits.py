"""How many connections may come, from where, and how long they may be silent."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass


def _nobody(_host: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """For accepted connections of all transports. Times in seconds."""

    total: int = 50_000
    per_source: int = 4_096
    """From one host; not for trusted proxies."""
    unproven_per_source: int = 256
    """From one host, of those that have not yet brought a whole message; not for trusted proxies."""
    first_message: float = 10.0
    """A connection must finish its handshakes and bring its first whole message by then."""
    stalled: float = 30.0
    """A message must not pause for longer in its middle."""
    origins: tuple[str, ...] = ()
    """For browsers: the pages WebSockets may come from, "https://phone.example.com"; empty: any."""
    trusted_proxy: Callable[[str], bool] = _nobody
    """Whether a host is a proxy of ours, whose X-Forwarded-For is believed (WS and WSS)."""


class Turnstile:
    """Counts the connections that were let in, by the host they come from."""

    def __init__(self, rules: ConnectionRules) -> None:
        self._rules = rules
        self._inside = 0
        self._sources: Counter[str] = Counter()
        self._unproven: Counter[str] = Counter()

    @property
    def unproven(self) -> int:
        return self._unproven.total()

    def enter(self, host: str) -> str | None:
        """Let one in; else the reason why not, as a short constant text."""
        rules = self._rules
        if self._inside >= rules.total:
            return "too-many"
        if not rules.trusted_proxy(host):
            if self._sources[host] >= rules.per_source:
                return "too-many-of-source"
            if self._unproven[host] >= rules.unproven_per_source:
                return "too-many-unproven"
        self._inside += 1
        self._sources[host] += 1
        self._unproven[host] += 1
        return None

    def proven(self, host: str) -> None:
        """One of this host's has brought a message."""
        _less(self._unproven, host)

    def leave(self, host: str, *, proven: bool) -> None:
        self._inside -= 1
        _less(self._sources, host)
        if not proven:
            _less(self._unproven, host)


def _less(counter: Counter[str], host: str) -> None:
    if counter[host] <= 1:
        del counter[host]
    else:
        counter[host] -= 1
