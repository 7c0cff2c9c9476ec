"""Making messages: identifiers, and responses from requests (RFC 3261 section 8.2.6)."""

import secrets
from collections.abc import Iterable

from jambones.sip.grammar import GrammarError
from jambones.sip.headers import Headers, Item
from jambones.sip.message import Request, Response
from jambones.sip.via import MAGIC_COOKIE

HeaderRows = Iterable[tuple[str, str]]
"""Header rows as callers give them: any iterable of (name, value), such as Headers or a list."""

_COPIED = frozenset({"via", "from", "call-id", "cseq"})
_CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
_OF_ACK = frozenset({"from", "call-id", "route", "max-forwards", *_CREDENTIALS})


def new_tag() -> str:
    return secrets.token_hex(8)


def new_branch() -> str:
    return MAGIC_COOKIE + secrets.token_hex(10)


def new_call_id() -> str:
    return secrets.token_hex(16)


def response(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: HeaderRows = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """A response to ``request``: Via, From, To, Call-ID, CSeq copied; ``to_tag`` is put on To if that has none."""
    items: list[Item] = []
    for item in request.headers.items():
        key = item[0]
        if key in _COPIED:
            items.append(item)
        elif key == "to":
            if to_tag is not None and not _has_tag(request, item[2]):
                items.append((key, item[1], f"{item[2]};tag={to_tag}"))
            else:
                items.append(item)
        elif key == "timestamp" and status == 100:
            items.append(item)
    built = Headers.of_items(items)
    built.extend(headers)
    if body and content_type is not None:
        built.add("Content-Type", content_type)
    return Response(status, reason, built, body)


def credentials_of(request: Request) -> list[tuple[str, str]]:
    """What the ACK of an INVITE repeats of it, since nobody can challenge an ACK (section 22.1)."""
    return [(name, value) for key, name, value in request.headers.items() if key in _CREDENTIALS]


def ack_for_failure(invite: Request, final: Response) -> Request:
    """The ACK of a final response of 300 to 699, which belongs to the INVITE's transaction (section 17.1.1.3)."""
    items = [item for item in invite.headers.items() if item[0] in _OF_ACK]
    headers = Headers.of_items([("via", "Via", _top_via(invite)), *items])
    headers.add("To", final.headers.get("To") or invite.headers.get("To") or "")
    headers.add("CSeq", f"{invite.cseq.number} ACK")
    return Request("ACK", invite.uri, headers)


def cancel_for(invite: Request, headers: HeaderRows = ()) -> Request:
    """The CANCEL of an INVITE (section 9.1): same Request-URI, Via, Route and identity; nothing of its body."""
    kept = {"from", "to", "call-id", "route", "max-forwards"}
    items = [item for item in invite.headers.items() if item[0] in kept]
    built = Headers.of_items([("via", "Via", _top_via(invite)), *items])
    built.add("CSeq", f"{invite.cseq.number} CANCEL")
    built.extend(headers)
    return Request("CANCEL", invite.uri, built)


def _has_tag(request: Request, to: str) -> bool:
    try:
        return request.to.tag is not None
    except GrammarError:  # it is answered with 400, as it came
        return ";tag=" in to.lower()


def _top_via(request: Request) -> str:
    return request.headers.get("Via") or ""
