"""Properties that this server reads and cannot serve yet: an alert each, and the rest of the verb is done."""

from collections.abc import Collection

from jambones.common.verbs.model import VerbModel
from jambones.feature_server.calls.session import CallSession


def tell_of_later(verb: VerbModel, later: Collection[str], call: CallSession) -> None:
    """An alert for each property of `later` that is asked for; false and an empty list ask for nothing."""
    for name in later:
        if (value := getattr(verb, name)) is not None and value is not False and value != ():
            alias = type(verb).model_fields[name].alias or name
            call.alert("invalid-app-payload", f"{verb.verb}.{alias} is not available on this server; it was skipped")
