"""dtmf: send keys to the caller."""

from jambones.common.verbs.dtmf import Dtmf
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import Needs, runs


@runs(Dtmf, Needs.MEDIA)
async def dtmf(verb: Dtmf, call: CallSession) -> None:
    """Blocks until the last tone has been sent."""
    endpoint = await call.media()
    await endpoint.send_dtmf(verb.dtmf, duration_ms=verb.duration)
