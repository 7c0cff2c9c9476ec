"""A dialog's state and the requests made in it: RFC 3261 section 12. Pure."""

from dataclasses import dataclass
from typing import Self

from jambones.sip.address import NameAddr
from jambones.sip.build import HeaderRows
from jambones.sip.grammar import GrammarError
from jambones.sip.headers import Headers
from jambones.sip.message import Message, Request, Response
from jambones.sip.uri import Uri


@dataclass(slots=True)
class Dialog:
    """``local`` and ``remote`` are From/To values with their tags, as text. CSeq numbers are those used last.

    ``target`` is the peer's Contact, None when it gave none (then only the source of its messages is known).
    """

    call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    local_cseq: int
    remote_cseq: int | None
    route_set: tuple[str, ...]
    target: Uri | None
    confirmed: bool = False

    @classmethod
    def of_server(cls, invite: Request, local_tag: str) -> Self:
        """For the receiver of ``invite``. Raises GrammarError for a Contact that cannot be read."""
        to = invite.headers.get("To") or ""
        return cls(
            call_id=invite.call_id,
            local=to if invite.to.tag else f"{to};tag={local_tag}",
            local_tag=local_tag,
            remote=invite.headers.get("From") or "",
            remote_tag=invite.from_.tag or "",
            local_cseq=0,
            remote_cseq=invite.cseq.number,
            route_set=invite.record_route,
            target=_contact_uri(invite),
        )

    @classmethod
    def of_client(cls, invite: Request, response: Response) -> Self:
        """For the sender of ``invite``, from a response with a To tag (or a 2xx of an old peer without one)."""
        return cls(
            call_id=invite.call_id,
            local=invite.headers.get("From") or "",
            local_tag=invite.from_.tag or "",
            remote=response.headers.get("To") or "",
            remote_tag=response.to.tag or "",
            local_cseq=invite.cseq.number,
            remote_cseq=None,
            route_set=tuple(reversed(response.record_route)),
            target=_contact_uri(response),
        )

    def confirm(self, response: Response) -> None:
        """The 2xx decides the route set anew (section 13.2.2.4)."""
        self.confirmed = True
        self.route_set = tuple(reversed(response.record_route))
        self.refresh(response)

    def refresh(self, message: Message) -> None:
        """Target refresh: re-INVITE and UPDATE, and their 2xx, may carry a new Contact (section 12.2)."""
        self.target = _contact_uri(message) or self.target

    def accepts(self, request: Request) -> bool:
        """Whether the request's CSeq is in order; remembers it. A repeated number is no error of ours to make."""
        number = request.cseq.number
        if self.remote_cseq is not None and number < self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def request(
        self,
        method: str,
        fallback: Uri,
        *,
        headers: HeaderRows = (),
        body: bytes = b"",
        content_type: str | None = None,
        cseq: int | None = None,
    ) -> Request:
        """A request in this dialog, without Via. ``fallback`` is the Request-URI when the peer gave no Contact.

        ``cseq`` is given for an ACK, which repeats its INVITE's number; else the next number is taken.
        """
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        target = self.target or fallback
        routes = self.route_set
        if routes and not _is_loose(routes[0]):
            # Strict router (section 12.2.1.1): it wants itself in the Request-URI and the target as last route.
            routes = (*routes[1:], f"<{target}>")
            target = NameAddr.parse(self.route_set[0]).uri.without("method")
        built = Headers()
        for route in routes:
            built.add("Route", route)
        built.add("Max-Forwards", "70")
        built.add("From", self.local)
        built.add("To", self.remote)
        built.add("Call-ID", self.call_id)
        built.add("CSeq", f"{cseq} {method}")
        built.extend(headers)
        if body and content_type is not None:
            built.set("Content-Type", content_type)
        return Request(method, target, built, body)

    @property
    def next_hop(self) -> Uri | None:
        """Where requests go by the RFC: the first route, else the target."""
        return NameAddr.parse(self.route_set[0]).uri if self.route_set else self.target


def _is_loose(route: str) -> bool:
    return NameAddr.parse(route).uri.is_loose


def _contact_uri(message: Message) -> Uri | None:
    try:
        contact = message.contact
    except GrammarError:
        return None
    return contact.uri if contact is not None and contact.uri.is_sip else None
