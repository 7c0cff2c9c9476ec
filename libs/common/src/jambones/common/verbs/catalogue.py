"""All verbs by name, and the other names they are written under."""

from typing import Final

from jambones.common.verbs.agent import Agent
from jambones.common.verbs.alert import Alert
from jambones.common.verbs.answer import Answer
from jambones.common.verbs.conference import Conference
from jambones.common.verbs.config import Config
from jambones.common.verbs.dequeue import Dequeue
from jambones.common.verbs.dial import Dial
from jambones.common.verbs.dialogflow import Dialogflow
from jambones.common.verbs.dtmf import Dtmf
from jambones.common.verbs.dub import Dub
from jambones.common.verbs.enqueue import Enqueue
from jambones.common.verbs.gather import Gather
from jambones.common.verbs.hangup import Hangup
from jambones.common.verbs.leave import Leave
from jambones.common.verbs.lex import Lex
from jambones.common.verbs.listen import Listen
from jambones.common.verbs.llm import Llm
from jambones.common.verbs.message import Message
from jambones.common.verbs.model import VerbModel
from jambones.common.verbs.pause import Pause
from jambones.common.verbs.play import Play
from jambones.common.verbs.rasa import Rasa
from jambones.common.verbs.redirect import Redirect
from jambones.common.verbs.rest_dial import RestDial
from jambones.common.verbs.say import Say
from jambones.common.verbs.sip_decline import SipDecline
from jambones.common.verbs.sip_refer import SipRefer
from jambones.common.verbs.sip_request import SipRequest
from jambones.common.verbs.tag import Tag
from jambones.common.verbs.transcribe import Transcribe
from jambones.common.verbs.transfer import Transfer

VERBS: Final[dict[str, type[VerbModel]]] = {
    model.model_fields["verb"].default: model
    for model in (
        Agent, Alert, Answer, Conference, Config, Dequeue, Dial, Dialogflow, Dtmf, Dub, Enqueue, Gather, Hangup, Leave,
        Lex, Listen, Llm, Message, Pause, Play, Rasa, Redirect, RestDial, Say, SipDecline, SipRefer, SipRequest, Tag,
        Transcribe, Transfer,
    )
}  # fmt: skip

ALIASES: Final[dict[str, str]] = {
    "stream": "listen",
    "room": "conference",
    "s2s": "llm",
    "pipeline": "agent",
    "sip_decline": "sip:decline",
    "sip_refer": "sip:refer",
    "sip_request": "sip:request",
    "rest_dial": "rest:dial",
}

S2S_VENDORS: Final[frozenset[str]] = frozenset(
    {"openai", "microsoft", "google", "elevenlabs", "deepgram", "ultravox", "qwen", "gptlive", "voiceagent"}
)
"""`<vendor>_s2s` is llm with that vendor."""

WAITING: Final = frozenset({"play", "say", "pause"})
"""What the waitHook and enterHook of a conference and the onHoldHook of a dial may answer."""
QUEUEING: Final = WAITING | {"leave", "tag"}
"""What the waitHook of an enqueue may answer."""
WHISPER: Final = frozenset({"play", "say"})
CONFIRMING: Final = frozenset({"config", "gather", "say", "tag", "play", "hangup", "pause"})
"""What may replace a script that runs on a leg before it is bridged."""
