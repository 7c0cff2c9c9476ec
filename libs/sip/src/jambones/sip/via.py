"""Via: the way a response takes back (RFC 3261 section 20.42, RFC 3581)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jambones.sip.grammar import GrammarError, format_params, parse_params

MAGIC_COOKIE = "z9hG4bK"

_VIA = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*(?P<transport>[A-Za-z0-9\-.!%*_+`'~]+)\s+"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.\-_]*)))\s*(?::\s*(?P<port>\d{1,5}))?\s*"
    r"(?P<params>;.*)?",
    re.IGNORECASE | re.DOTALL,
)
_KEPT = 4096
_DEFAULT_PORTS = {"TLS": 5061, "WSS": 443, "WS": 80}


@dataclass(frozen=True, slots=True)
class Via:
    """One hop. ``transport`` is upper case, an IPv6 ``host`` has no brackets, flags in ``params`` are None."""

    transport: str
    host: str
    port: int | None = None
    params: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, text: str) -> "Via":
        """Raises GrammarError (a ValueError)."""
        return _parsed.get(text) or _note(text, _parse(text))

    @property
    def branch(self) -> str:
        return self.params.get("branch") or ""

    @property
    def sent_by(self) -> str:
        """Host and port as they take part in matching: RFC 3261 section 17.2.3."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def port_or_default(self) -> int:
        return self.port if self.port is not None else _DEFAULT_PORTS.get(self.transport, 5060)

    def seen_from(self, host: str, port: int) -> "Via":
        """With what the receiver adds: ``received`` where the host differs, ``rport`` always (RFC 3581).

        The value of rport is given even where it was not asked: a response then tells why it went where it did.
        """
        params = {name: value for name, value in self.params.items() if name != "received"}  # never the peer's own
        if host != self.host or "rport" in params:
            params["received"] = host
        params["rport"] = str(port)
        return Via(self.transport, self.host, self.port, params)

    def noted(self) -> str:
        """Its text, which need not be parsed when it comes back: nearly each Via is read several times."""
        text = str(self)
        _note(text, self)
        return text

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{format_params(self.params)}"


_parsed: dict[str, Via] = {}


def _note(text: str, via: Via) -> Via:
    if len(_parsed) >= _KEPT:
        _parsed.clear()
    _parsed[text] = via
    return via


def _parse(text: str) -> Via:
    match = _VIA.fullmatch(text)
    if match is None:
        raise GrammarError("via", text)
    port = match["port"]
    if port is not None and int(port) > 65535:
        raise GrammarError("via", text)
    return Via(
        match["transport"].upper(),
        match["six"] or match["host"],
        None if port is None else int(port),
        parse_params(match["params"] or ""),
    )
