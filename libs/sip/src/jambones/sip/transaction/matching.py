"""Which transaction a message belongs to: RFC 3261 sections 17.1.3 and 17.2.3."""

from jambones.sip.message import Request, Response
from jambones.sip.via import MAGIC_COOKIE

Key = tuple[str, ...]


def client_key(message: Request | Response) -> Key:
    """The top branch, which is ours, and the method of CSeq."""
    return (message.via.branch, message.cseq.method)


def server_key(request: Request, method: str | None = None) -> Key:
    """``method`` overrides the request's own, to find what a CANCEL is about. An ACK finds its INVITE by itself."""
    via = request.via
    method = method or request.method
    if method == "ACK":
        method = "INVITE"
    branch = via.branch
    if branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        return (branch, via.sent_by.lower(), method)
    return _key_of_2543(request, method)


def merge_key(request: Request) -> Key:
    """What merged requests have in common (section 8.2.2.2)."""
    cseq = request.cseq
    return (request.from_.tag or "", request.call_id, str(cseq.number), cseq.method)


def _key_of_2543(request: Request, method: str) -> Key:
    """Branches of RFC 2543 are not unique: From tag, Call-ID, CSeq and the top Via stand in.

    The Request-URI and To tag, which the RFC also names, differ between an INVITE and its ACK for harmless reasons (the
    ACK of a failure carries our To tag), so they are left out: Call-ID, From tag and CSeq number are enough.
    """
    via = request.via
    return (
        "2543",
        request.from_.tag or "",
        request.call_id,
        str(request.cseq.number),
        via.sent_by.lower(),
        via.branch,
        method,
    )
