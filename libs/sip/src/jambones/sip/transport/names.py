"""Asking the domain name system: record values, a name server by dnspython, and answers kept for their time to live."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as DnspythonResolver

Kind = Literal["A", "AAAA", "SRV", "NAPTR"]

_NEGATIVE = 5.0  # seconds for which "there is none", or no answer at all, is believed
_SHORTEST, _LONGEST = 1.0, 3600.0
_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Srv:
    """RFC 2782. A target of "" says that there is decidedly no such service."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Naptr:
    """RFC 3403, as RFC 3263 uses it: ``replacement`` is a name to ask for SRV."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Records of one kind; none when the name has none. ``ttl`` in seconds. Addresses are text."""

    records: tuple[str | Srv | Naptr, ...] = ()
    ttl: float = _NEGATIVE


class NameServer(Protocol):
    """Where answers come from."""

    async def ask(self, name: str, kind: Kind) -> Answer:
        """Raises OSError when nobody answered."""


class DnsServer:
    """The name servers of /etc/resolv.conf, or those given. Also what /etc/hosts knows, for addresses."""

    def __init__(self, servers: tuple[str, ...] = (), port: int = 53, lifetime: float = 3.0) -> None:
        self._servers = servers
        self._port = port
        self._lifetime = lifetime
        self._resolver: DnspythonResolver | None = None

    async def ask(self, name: str, kind: Kind) -> Answer:
        import dns.exception
        import dns.resolver

        try:
            found = await self._made().resolve(name, kind, raise_on_no_answer=False, lifetime=self._lifetime)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoResolverConfiguration):
            return await self._of_system(name, kind)
        except dns.exception.DNSException as error:
            raise OSError(type(error).__name__) from error
        if found.rrset is None:
            return await self._of_system(name, kind)
        return Answer(tuple(_value(record, kind) for record in found.rrset), found.rrset.ttl)

    def _made(self) -> "DnspythonResolver":
        from dns.asyncresolver import Resolver

        if self._resolver is None:
            self._resolver = Resolver(configure=not self._servers)
            if self._servers:
                self._resolver.nameservers = list(self._servers)
                self._resolver.port = self._port
        return self._resolver

    async def _of_system(self, name: str, kind: Kind) -> Answer:
        """Names of containers and of this machine, which no name server has."""
        import socket

        family = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}.get(kind)
        if family is None or self._servers:
            return Answer()
        with suppress(OSError, UnicodeError):
            found = await asyncio.get_running_loop().getaddrinfo(name, None, family=family, type=socket.SOCK_STREAM)
            return Answer(tuple(dict.fromkeys(str(address[0]) for *_, address in found)))
        return Answer()


class NameCache:
    """A name server's answers, each for as long as it may be kept; those who ask for the same at once ask together."""

    def __init__(self, server: NameServer, clock: Callable[[], float]) -> None:
        self._server = server
        self._clock = clock
        self._known: dict[tuple[str, Kind], tuple[float, Answer]] = {}
        self._asking: dict[tuple[str, Kind], asyncio.Event] = {}

    async def ask(self, name: str, kind: Kind) -> Answer:
        """No records when nobody answered: for those who wait that is the same, for 5 seconds."""
        key = (name.lower().rstrip("."), kind)
        while True:
            known = self._known.get(key)
            if known is not None and known[0] > self._clock():
                return known[1]
            others = self._asking.get(key)
            if others is None:
                return await self._fetch(key)
            await others.wait()  # when whoever asks gives up, the next of us asks

    async def _fetch(self, key: tuple[str, Kind]) -> Answer:
        done = self._asking[key] = asyncio.Event()
        try:
            answer = await self._server.ask(*key)
        except OSError:
            answer = Answer()
        finally:
            del self._asking[key]
            done.set()
        if len(self._known) >= _LIMIT:
            self._known.clear()
        kept = max(_SHORTEST, min(answer.ttl, _LONGEST)) if answer.records else _NEGATIVE
        self._known[key] = (self._clock() + kept, answer)
        return answer


def _value(record: object, kind: Kind) -> str | Srv | Naptr:
    from dns.rdtypes.IN.NAPTR import NAPTR
    from dns.rdtypes.IN.SRV import SRV

    if isinstance(record, SRV):
        return Srv(record.priority, record.weight, record.port, record.target.to_text(omit_final_dot=True).strip("."))
    if isinstance(record, NAPTR):
        return Naptr(
            record.order,
            record.preference,
            record.flags.decode("ascii", "replace").lower(),
            record.service.decode("ascii", "replace").upper(),
            record.replacement.to_text(omit_final_dot=True),
        )
    return str(record)
