"""sip:refer: hand the caller to somebody else."""

from typing import Literal

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import NO_HEADERS, Headers, VerbModel


class SipRefer(VerbModel):
    """Send REFER (RFC 3515) in the call's dialog."""

    verb: Literal["sip:refer"] = "sip:refer"
    refer_to: str
    referred_by: str | None = None
    referred_by_display_name: str | None = None
    headers: Headers = NO_HEADERS
    action_hook: OptionalHook = None
    event_hook: OptionalHook = None
