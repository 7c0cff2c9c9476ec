"""alert: a message to the operator."""

from typing import Literal

from jambones.common.verbs.model import VerbModel


class Alert(VerbModel):
    """Write an alert of type "alert-from-application" for the account."""

    verb: Literal["alert"] = "alert"
    message: str
