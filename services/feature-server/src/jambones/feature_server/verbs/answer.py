"""answer: pick up, and nothing else. Having media is being answered."""

from jambones.common.verbs.answer import Answer
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import Needs, runs


@runs(Answer, Needs.MEDIA)
async def answer(verb: Answer, call: CallSession) -> None:
    """The precondition has done it."""
