"""tag: attach data of the application to the call; it comes back in every later payload."""

from jambones.common.verbs.tag import Tag
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import runs


@runs(Tag)
async def tag(verb: Tag, call: CallSession) -> None:
    """Replaces what an earlier tag attached."""
    call.info.customer_data = dict(verb.data)
