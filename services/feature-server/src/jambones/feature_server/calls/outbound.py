"""What a call of ours needs to be placed, and who places it: the seam between verbs and the egress."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from jambones.common.errors import JambonesError
from jambones.common.verbs.target import PhoneTarget, SipTarget, Target, TeamsTarget, UserTarget
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.leg import Leg, MediaEndpoint

if TYPE_CHECKING:
    from jambones.feature_server.calls.session import CallSession

ELSEWHERE = (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),)


class NotPlaced(JambonesError):
    """The call could not even be sent; `sip_status` is what it counts as."""

    sip_status = 480
    http_status = 503
    reason = "call not placed"

    def __init__(self, message: str, *, status: int = 480) -> None:
        super().__init__(message)
        self.sip_status = status  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One call that is to be placed. Its repr shows no numbers."""

    target: Target = field(repr=False)
    caller_id: str = field(repr=False)
    caller_name: str = field(default="", repr=False)
    caller_host: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str | None = None
    parent_call_id: str | None = None
    """Call-ID on the outside of the call that this one belongs to."""
    in_trunk: str | None = None
    """The carrier which that call came in on."""
    near: MediaEndpoint | None = field(default=None, repr=False)
    """The audio it will be bridged with."""


class Dialer(Protocol):
    """Places calls. One per process."""

    async def place(self, info: CallInfo, wanted: Wanted) -> Leg:
        """Send the INVITE, with `info.sip_call_id` as its Call-ID. Events come when somebody listens.

        Raises NotPlaced.
        """

    def start(self, session: "CallSession", life: Coroutine[Any, Any, None]) -> None:
        """Run the life of a placed call to its end, in a task of its own: listed, and under live control."""


def called(target: Target) -> str:
    """Whom a target names, as applications see it in `to`."""
    match target:
        case PhoneTarget(number=number) | TeamsTarget(number=number):
            return number
        case SipTarget(sip_uri=uri):
            return uri
        case UserTarget(name=name):
            return name
