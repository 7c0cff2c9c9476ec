"""Questions to the registrar: REGISTER of a device, the credentials of a call, and what it tells the edges.

Registrars share the work as the queue group "registrar". Nobody serves: BusUnavailable, which the edge answers 503.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from jambones.common.bus.control import Reply
from jambones.common.bus.event import Question
from jambones.common.ids import AccountSid, NodeId

QUEUE = "registrar"
BLOCKED = "blocked_sources"
"""Bucket of Block, key (address): every edge keeps a watched copy."""
LONGEST_BLOCK = 86_400.0


class RegisterAnswered(Reply):
    """The response to a REGISTER; Via, From, To, Call-ID and CSeq are the edge's business."""

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    registered: int = 0
    """Seconds that the flow serves a binding of this request, 0: none (any more)."""


class RegisterQuestion(Question[RegisterAnswered]):
    """A device sent REGISTER to an edge."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    SUBJECT: ClassVar[str] = "sip.register"
    REPLY: ClassVar[type[BaseModel]] = RegisterAnswered

    edge_id: NodeId
    flow: str
    transport: str
    host: str
    port: int
    """Where it came from."""
    message: bytes
    """The request as the edge received it."""


class Authenticated(Reply):
    """The verdict on a request of a device: 200 lets it in, 401 carries challenges, anything else refuses."""

    status: int
    reason: str | None = None
    x_reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cause: str = ""
    """Why, for the log: constant text."""
    user: str | None = None
    """user@realm, when let in as a user."""
    trunk_sid: str | None = None
    """The carrier, when let in as a trunk."""
    application_sid: str | None = None
    call_hook: str | None = None
    """A URL, or a hook object as JSON: the application of this device's calls."""
    call_status_hook: str | None = None
    allow_direct_app_calling: bool = True
    allow_direct_queue_calling: bool = True
    allow_direct_user_calling: bool = True


class Authenticate(Question[Authenticated]):
    """Judge the credentials of a request (RFC 3261 section 22); without any the answer is a challenge."""

    SUBJECT: ClassVar[str] = "sip.authenticate"
    REPLY: ClassVar[type[BaseModel]] = Authenticated

    account_sid: AccountSid
    realm: str
    method: str
    request_uri: str
    transport: str
    host: str
    port: int
    authorization: str | None = None
    """The value of Authorization."""
    headers: tuple[tuple[str, str], ...] = ()
    """All of the request: what the account's registration hook is told."""


class Block(BaseModel):
    """A source that no edge listens to for a while; configured gateways are never blocked."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    address: str
    until: int
    """Milliseconds since 1970."""
    why: str = ""
