"""conference (also called room): a named meeting."""

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.listen import Listen
from jambones.common.verbs.model import Count, Flag, Seconds, VerbModel, WireModel, listed

ConferenceEvent = Literal["start", "end", "join", "leave", "start-talking", "stop-talking"]


def _events(value: Any) -> Any:
    """Events that newer releases have are passed over: they do not happen here."""
    events = ("stop-talking" if event == "end-talking" else event for event in listed(value))
    return tuple(event for event in events if event in get_args(ConferenceEvent) or not isinstance(event, str))


class RoomRecording(WireModel):
    """Where the room is recorded to."""

    path: str


class Conference(VerbModel):
    """Join the room `name` of the account; one that enters with startConferenceOnEnter is a moderator."""

    RENAMED: ClassVar = {"stream": "listen"}

    verb: Literal["conference"] = "conference"
    name: str
    beep: Flag = False
    start_conference_on_enter: Flag = True
    end_conference_on_exit: Flag = False
    end_conference_duration: Seconds | None = None
    max_participants: Count | None = None
    join_muted: Flag = False
    member_tag: str | None = None
    speak_only_to: str | None = None
    wait_hook: OptionalHook = None
    enter_hook: OptionalHook = None
    action_hook: OptionalHook = None
    status_hook: OptionalHook = None
    status_events: Annotated[tuple[ConferenceEvent, ...], BeforeValidator(_events)] = ()
    record: RoomRecording | None = None
    listen: Listen | None = None
    distribute_dtmf: Flag = False
