"""sip:decline: refuse a call."""

from typing import Annotated, Literal

from pydantic import Field

from jambones.common.verbs.model import NO_HEADERS, Headers, Line, VerbModel, Whole


class SipDecline(VerbModel):
    """Refuse a call that was not answered, with a final status."""

    verb: Literal["sip:decline"] = "sip:decline"
    status: Annotated[Whole, Field(ge=400, le=699)]
    reason: Line | None = None
    headers: Headers = NO_HEADERS
