"""answer: pick up."""

from typing import Literal

from jambones.common.verbs.model import VerbModel


class Answer(VerbModel):
    """Answer an inbound call; nothing when it is answered already."""

    verb: Literal["answer"] = "answer"
