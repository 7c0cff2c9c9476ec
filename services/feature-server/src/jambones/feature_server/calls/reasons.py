"""Why something happened, as data: for the log, the status events and the hook payloads."""

from enum import StrEnum


class EndedBy(StrEnum):
    """Who hung up."""

    CALLER = "caller"
    CALLEE = "callee"
    PLATFORM = "platform"

    @property
    def terminated_by(self) -> str:
        """The word applications know for it (`call_termination_by`)."""
        return "jambonz" if self is EndedBy.PLATFORM else "caller"


class Cause(StrEnum):
    """Why the platform ended a call or refused it; goes into the log and, where it says so, to the far end."""

    SCRIPT_END = "script ended"
    SCRIPT_END_UNANSWERED = "script ended without an answer"
    HANGUP_VERB = "hangup verb"
    DECLINE_VERB = "SIP Decline Verb"
    MAX_DURATION = "Max Call Duration"
    MEDIA_TIMEOUT = "Media Timeout"
    MEDIA_LOST = "media lost"
    HOOK_FAILED = "hook failed"
    CIRCLES = "application goes round in circles"
    LIVE_CONTROL = "live call control"
    ELSEWHERE = "completed elsewhere"
    NO_ANSWER = "no answer"
    DIAL_ENDED = "dial ended"
    TIME_LIMIT = "time limit of dial"
    NOT_PLACED = "not placed"
    SHUTDOWN = "server shutdown"
    ERROR = "internal error"


class Kill(StrEnum):
    """Why a verb was ended before its time."""

    HANGUP = "hangup"
    REPLACED = "replaced"
    BARGE_IN = "barge-in"


class GatherEnd(StrEnum):
    """Why a gather ended; the `reason` of its action hook."""

    SPEECH = "speechDetected"
    DIGITS = "dtmfDetected"
    LOW_CONFIDENCE = "stt-low-confidence"
    TIMEOUT = "timeout"
    ERROR = "error"
