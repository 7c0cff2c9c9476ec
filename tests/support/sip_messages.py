"""Plain SIP messages for tests, and a flow that only keeps what is sent on it."""

from collections.abc import Iterable

from jambones.sip.message import Message, Request, Response
from jambones.sip.parser import parse
from jambones.sip.transport import Address, TransportName

Rows = Iterable[tuple[str, str]]
BRANCH = "z9hG4bK-tests-1"


def request(
    method: str = "INVITE",
    uri: str = "sip:1000@192.0.2.1",
    *,
    branch: str = BRANCH,
    sent_by: str = "198.51.100.7:5060",
    transport: str = "UDP",
    from_tag: str | None = "caller",
    to_tag: str | None = None,
    call_id: str = "call-1",
    cseq: int = 1,
    headers: Rows = (),
    body: bytes = b"",
) -> Request:
    tag = f";branch={branch}" if branch else ""
    rows = [
        ("Via", f"SIP/2.0/{transport} {sent_by}{tag}"),
        ("Max-Forwards", "70"),
        ("From", "<sip:peer@198.51.100.7>" + (f";tag={from_tag}" if from_tag else "")),
        ("To", "<sip:1000@192.0.2.1>" + (f";tag={to_tag}" if to_tag else "")),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} {method}"),
        *headers,
    ]
    return Request(method, uri, rows, body)


class KeptFlow:
    """A flow to 198.51.100.7 that is never full; ``sent`` holds the messages, in order."""

    def __init__(self, transport: TransportName = "udp") -> None:
        self.id = f"{transport}-kept"
        self.local = Address(transport, "192.0.2.1", 5060)
        self.remote = Address(transport, "198.51.100.7", 5060)
        self.alive = True
        self.sent: list[Message] = []

    def send(self, data: bytes) -> None:
        self.sent.append(parse(data))

    def timed_out(self) -> None:
        pass

    @property
    def summary(self) -> list[str]:
        """What was sent, as methods and statuses."""
        return [
            m.method if isinstance(m, Request) else str(m.status)
            for m in self.sent
            if isinstance(m, Request | Response)
        ]
