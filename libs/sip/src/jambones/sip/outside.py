"""Requests outside any dialog: RFC 3261 section 8."""

from typing import Protocol

from jambones.sip import build
from jambones.sip.address import NameAddr
from jambones.sip.build import HeaderRows
from jambones.sip.headers import Headers
from jambones.sip.message import Request
from jambones.sip.transaction.layer import ServerTransaction
from jambones.sip.transport import Address, Flow
from jambones.sip.uri import Uri


class Answerer(Protocol):
    """The endpoint, as far as a request needs it."""

    def answer(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str | None = None,
        *,
        headers: HeaderRows = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None: ...


class IncomingRequest:
    """A request outside any dialog that is no INVITE. ``respond`` settles it."""

    def __init__(self, endpoint: Answerer, transaction: ServerTransaction) -> None:
        self.request = transaction.request
        self.flow: Flow = transaction.flow
        """The way it came: a REGISTER binds its contact to it."""
        self._endpoint = endpoint
        self._transaction = transaction

    @property
    def source(self) -> Address:
        """The peer's transport address."""
        return self.flow.remote

    @property
    def answered(self) -> bool:
        return self._transaction.answered

    def respond(
        self,
        status: int,
        reason: str | None = None,
        headers: HeaderRows = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Answer it; a second final response is ignored."""
        if not self.answered:
            self._endpoint.answer(
                self._transaction, status, reason, headers=headers, body=body, content_type=content_type
            )


def first_request(
    method: str,
    uri: Uri,
    from_: NameAddr,
    to: NameAddr | None,
    headers: HeaderRows,
    body: bytes,
    content_type: str | None,
    call_id: str | None,
    agent: str,
    cseq: int = 1,
) -> Request:
    """A request that belongs to no dialog yet, without Via (section 8.1.1); rows in ``headers`` win.

    Raises GrammarError for a URI that would not be read as one, such as one with a user part that is not escaped.
    """
    Uri.parse(str(uri))
    given = list(headers)
    names = {name.lower() for name, _ in given}
    built = Headers()
    if "max-forwards" not in names:
        built.add("Max-Forwards", "70")
    built.add("From", str(from_ if from_.tag else from_.with_tag(build.new_tag())))
    built.add("To", str(to or NameAddr(uri)))
    built.add("Call-ID", call_id or build.new_call_id())
    built.add("CSeq", f"{cseq} {method}")
    if agent and "user-agent" not in names:
        built.add("User-Agent", agent)
    built.extend(given)
    if body and content_type is not None and "content-type" not in names:
        built.add("Content-Type", content_type)
    return Request(method, uri, built, body)


def refusal(request: Request) -> tuple[int, list[tuple[str, str]]] | None:
    """Why a new request cannot be served whoever serves it: status and headers (section 8.2), or None."""
    if request.max_forwards == 0 and request.method != "OPTIONS":  # which ends here (RFC 4475 section 3.3.11)
        return 483, []
    if not request.uri.is_sip and request.uri.scheme != "tel":
        return 416, []
    if request.method != "INVITE":
        return None
    if request.headers.get("Content-Encoding", "identity") != "identity":
        return 415, [("Accept-Encoding", "identity"), ("Accept", "application/sdp")]
    # Handling of a body is required unless it says otherwise (section 20.11).
    optional = "handling=optional" in (request.headers.get("Content-Disposition") or "").lower()
    if request.body and request.sdp is None and not optional:
        return 415, [("Accept", "application/sdp, multipart/mixed")]
    return None
