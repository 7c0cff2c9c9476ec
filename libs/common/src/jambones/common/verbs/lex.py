"""lex: a bot of Amazon."""

from typing import ClassVar, Literal

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Flag, JsonObject, Seconds, VerbModel, WireModel
from jambones.common.verbs.speech import Synthesizer


class LexCredentials(WireModel):
    """Keys of the account at the vendor."""

    access_key: str
    secret_access_key: str


class LexIntent(WireModel):
    """Where the conversation starts."""

    BARE: ClassVar[str | None] = "name"

    name: str
    slots: JsonObject | None = None


class Lex(VerbModel):
    """Connect the caller to a Lex V2 bot."""

    RENAMED: ClassVar = {"botAliasId": "botAlias"}

    verb: Literal["lex"] = "lex"
    bot_id: str
    bot_alias: str
    region: str
    credentials: LexCredentials | None = None
    locale: str = "en_US"
    intent: LexIntent | None = None
    metadata: JsonObject | None = None
    welcome_message: str | None = None
    bargein: Flag = False
    pass_dtmf: Flag = False
    no_input_timeout: Seconds | None = None
    tts: Synthesizer | None = None
    action_hook: OptionalHook = None
    event_hook: OptionalHook = None
