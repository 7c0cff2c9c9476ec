"""Transfer: REFER and the notifications that follow (RFC 3515, 3892, 4488; fragments: RFC 3420)."""

from dataclasses import dataclass, replace
from typing import Literal, Self, cast

from jambones.sip.address import NameAddr
from jambones.sip.build import HeaderRows
from jambones.sip.grammar import GrammarError, parse_params
from jambones.sip.half import Leg
from jambones.sip.message import VERSION, Request, Response
from jambones.sip.replaces import Replaces
from jambones.sip.status import phrase
from jambones.sip.uri import Uri

SIPFRAG = "message/sipfrag;version=2.0"
_NO_SUBSCRIPTION = "norefersub"
State = Literal["active", "pending", "terminated"]


@dataclass(frozen=True, slots=True)
class ReferTo:
    """Where somebody is sent. ``target`` may carry headers in its URI, among them Replaces."""

    target: NameAddr

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises GrammarError."""
        return cls(NameAddr.parse(text))

    @classmethod
    def to(cls, uri: Uri, replaces: Replaces | None = None) -> Self:
        """To ``uri``, in the place of a dialog there when ``replaces`` is given (attended transfer)."""
        if replaces is not None:
            uri = replace(uri, headers={**uri.headers, "Replaces": str(replaces)})
        return cls(NameAddr(uri))

    @classmethod
    def of(cls, request: Request) -> Self:
        """That of a REFER. Raises GrammarError when there is not exactly one (RFC 3515 section 2.4.2: then 400)."""
        values = request.headers.get_list("Refer-To")
        if len(values) != 1:
            raise GrammarError("refer-to")
        return cls.parse(values[0])

    @property
    def uri(self) -> Uri:
        """The target as a Request-URI: without headers, and without the method, which is INVITE where none is named."""
        return self.target.uri.without("method")

    @property
    def method(self) -> str:
        return (self.target.uri.params.get("method") or "INVITE").upper()

    @property
    def replaces(self) -> Replaces | None:
        """Raises GrammarError."""
        for name, value in self.target.uri.headers.items():
            if name.lower() == "replaces":
                return Replaces.parse(value)
        return None

    def __str__(self) -> str:
        return str(self.target)


@dataclass(frozen=True, slots=True)
class Sipfrag:
    """How far the call to the target has got: the status line of its last response."""

    status: int
    reason: str = ""

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Raises GrammarError."""
        version, _, rest = body.decode("utf-8", "replace").lstrip().partition("\n")[0].strip().partition(" ")
        code, _, reason = rest.partition(" ")
        if version.upper() != VERSION or not (len(code) == 3 and code.isdecimal() and "1" <= code[0] <= "6"):
            raise GrammarError("sipfrag")
        return cls(int(code), reason.strip())

    def __bytes__(self) -> bytes:
        return f"{VERSION} {self.status} {self.reason or phrase(self.status)}\r\n".encode()


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """A NOTIFY about a REFER of ours. ``frag`` None: its body says nothing that can be read."""

    state: State
    frag: Sipfrag | None
    id: str | None = None
    """CSeq of the REFER, where several are under way (RFC 3515 section 2.4.6)."""

    @property
    def over(self) -> bool:
        """Whether no other follows: the subscription ended, or the outcome is known."""
        return self.state == "terminated" or (self.frag is not None and self.frag.status >= 200)


def progress_of(request: Request) -> TransferProgress | None:
    """What a request in a dialog (of an event ``Requested``) tells about a REFER; None when it is no such NOTIFY.

    It is to be answered with 200 whatever it says.
    """
    if request.method != "NOTIFY":
        return None
    event, _, params = (request.headers.get("Event") or "").partition(";")
    if event.strip().lower() != "refer":
        return None
    state = (request.headers.get("Subscription-State") or "active").partition(";")[0].strip().lower()
    try:
        frag, id = Sipfrag.parse(request.body), parse_params(params).get("id")
    except GrammarError:
        frag, id = None, None
    return TransferProgress(cast(State, state) if state in {"pending", "terminated"} else "active", frag, id)


async def send_refer(
    leg: Leg,
    to: ReferTo,
    *,
    referred_by: NameAddr | None = None,
    subscribe: bool = True,
    headers: HeaderRows = (),
) -> Response:
    """Ask the peer to call somebody else; its final response. Raises LegEnded.

    After a 2xx its notifications come as events ``Requested``, to be read with ``progress_of``. ``subscribe`` False
    asks for none (RFC 4488); a peer that cannot do without sends them nevertheless.
    """
    rows = [("Refer-To", str(to))]
    if referred_by is not None:
        rows.append(("Referred-By", str(referred_by)))
    if not subscribe:
        rows += [("Refer-Sub", "false"), ("Supported", _NO_SUBSCRIPTION)]
    rows.append(("Contact", leg.contact))
    return await leg.send("REFER", headers=[*rows, *headers])


def wants_progress(refer: Request) -> bool:
    """Whether whoever sent this REFER wants notifications; if not, its 2xx says ``Refer-Sub: false`` (RFC 4488)."""
    return (refer.headers.get("Refer-Sub") or "true").partition(";")[0].strip().lower() != "false"


async def send_progress(
    leg: Leg, frag: Sipfrag, *, over: bool | None = None, expires: int = 60, id: str | None = None
) -> Response:
    """NOTIFY the peer, whose REFER we accepted; its final response. Raises LegEnded.

    ``over`` None: a final status ends the subscription. The first one follows the 202 at once (RFC 3515 section 2.4.4).
    """
    ends = frag.status >= 200 if over is None else over
    rows = [
        ("Event", f"refer;id={id}" if id else "refer"),
        ("Subscription-State", "terminated;reason=noresource" if ends else f"active;expires={expires}"),
        ("Contact", leg.contact),
    ]
    return await leg.send("NOTIFY", headers=rows, body=bytes(frag), content_type=SIPFRAG)
