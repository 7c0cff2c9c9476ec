"""tag: data of the application's own on the call."""

from typing import Literal

from jambones.common.verbs.model import JsonObject, VerbModel


class Tag(VerbModel):
    """Replace the call's customerData; later payloads carry it unchanged."""

    verb: Literal["tag"] = "tag"
    data: JsonObject
