"""dtmf: keys towards the caller."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from jambones.common.verbs.model import Milliseconds, VerbModel

MOST_KEYS = 500
_KEYS = re.compile(r"[0-9*#A-DwW]+")


def _keys(text: str) -> str:
    keys = re.sub(r"[a-d]", lambda m: m[0].upper(), re.sub(r"[\s-]", "", text))
    if not _KEYS.fullmatch(keys):
        raise PydanticCustomError("keys", "may hold only 0-9 * # A-D, w (half a second) and W (a second)")
    if len(keys) > MOST_KEYS:
        raise PydanticCustomError("keys", "may hold {most} keys at most", {"most": MOST_KEYS})
    return keys


class Dtmf(VerbModel):
    """Send keys (RFC 4733); "w" waits half a second, "W" a second. `duration` of each in milliseconds."""

    verb: Literal["dtmf"] = "dtmf"
    dtmf: Annotated[str, AfterValidator(_keys)]
    duration: Milliseconds = 500
