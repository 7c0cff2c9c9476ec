"""hangup: end the call."""

from typing import Literal

from jambones.common.verbs.model import NO_HEADERS, Headers, VerbModel


class Hangup(VerbModel):
    """End the call, answered or not; `headers` go onto the BYE."""

    verb: Literal["hangup"] = "hangup"
    headers: Headers = NO_HEADERS
