"""sip:request: any request in the call's dialog."""

from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import NO_HEADERS, Headers, VerbModel


def _method(name: str) -> str:
    if not name.isascii() or not name.isalpha():
        raise PydanticCustomError("method", "must be a SIP method such as INFO")
    return name.upper()


class SipRequest(VerbModel):
    """Send a request (INFO, NOTIFY, MESSAGE, …); Content-Type is among `headers`."""

    verb: Literal["sip:request"] = "sip:request"
    method: Annotated[str, AfterValidator(_method)]
    body: str | None = None
    headers: Headers = NO_HEADERS
    action_hook: OptionalHook = None
