"""Counters of an endpoint, cheap enough for every message."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stats:
    """Totals since the start. Direction is ``in`` or ``out``; keys are ready to become a metric's labels."""

    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(method, direction, transport) → count, without retransmissions sent. Unknown methods count as ``other``."""
    responses: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(class such as ``2xx``, direction, transport) → count."""
    parse_errors: Counter[str] = field(default_factory=Counter)
    """Reason → count; bytes that were no good message."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason → count; good messages that were not acted upon (filtered, stray responses)."""
    turned_away: Counter[str] = field(default_factory=Counter)
    """Reason → count; connections that were refused or closed by us: too many, silent, stalled, idle."""
    large: Counter[str] = field(default_factory=Counter)
    """Requests too large for UDP: ``tcp`` tried that way, ``refused`` in vain, ``udp`` did not try."""
    retransmissions: Counter[str] = field(default_factory=Counter)
    """Direction → count."""
    relayed: int = 0
    """Messages that belong to another process and were handed to it."""
    unreachable: int = 0
    handler_errors: int = 0
    ack_timeouts: int = 0
    transactions: int = 0
    """Gauge: live transactions."""
    dialogs: int = 0
    """Gauge: legs with a dialog, or about to have one."""
    connections: int = 0
    """Gauge: open stream connections."""
