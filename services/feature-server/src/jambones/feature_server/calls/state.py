"""The state of a call as applications are told it: one table of what may follow what."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Direction = Literal["inbound", "outbound"]


class CallStatus(StrEnum):
    """The words of `call_status`."""

    TRYING = "trying"
    RINGING = "ringing"
    EARLY_MEDIA = "early-media"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"

    @property
    def final(self) -> bool:
        """Nothing follows this one."""
        return not FOLLOWS[self]


_UNANSWERED_ENDS = frozenset({CallStatus.FAILED, CallStatus.BUSY, CallStatus.NO_ANSWER})

FOLLOWS: dict[CallStatus, frozenset[CallStatus]] = {
    CallStatus.TRYING: _UNANSWERED_ENDS | {CallStatus.RINGING, CallStatus.EARLY_MEDIA, CallStatus.IN_PROGRESS},
    CallStatus.RINGING: _UNANSWERED_ENDS | {CallStatus.EARLY_MEDIA, CallStatus.IN_PROGRESS},
    CallStatus.EARLY_MEDIA: _UNANSWERED_ENDS | {CallStatus.RINGING, CallStatus.IN_PROGRESS},
    CallStatus.IN_PROGRESS: frozenset({CallStatus.COMPLETED}),
    CallStatus.COMPLETED: frozenset(),
    CallStatus.FAILED: frozenset(),
    CallStatus.BUSY: frozenset(),
    CallStatus.NO_ANSWER: frozenset(),
}

BUSY_CODES = frozenset({486, 600, 603})


def final_status(direction: Direction, sip_status: int, *, answered: bool) -> CallStatus:
    """How a call that ended with `sip_status` is named.

    What an application answers to its own inbound call is "failed" whatever the code: "busy" is a word for calls
    that were placed.
    """
    if answered:
        return CallStatus.COMPLETED
    if sip_status == 487 or (direction == "outbound" and sip_status == 408):
        return CallStatus.NO_ANSWER
    if direction == "outbound" and sip_status in BUSY_CODES:
        return CallStatus.BUSY
    return CallStatus.FAILED


@dataclass
class CallState:
    """Where a call is. Only `move` changes it."""

    direction: Direction
    status: CallStatus = CallStatus.TRYING
    sip_status: int = 100
    sip_reason: str = "Trying"
    answered: bool = False

    def move(self, status: CallStatus, sip_status: int, sip_reason: str) -> bool:
        """Go on to `status`; False when it may not follow, as with a second final one: then nothing is to be told."""
        if status not in FOLLOWS[self.status]:
            return False
        self.status, self.sip_status, self.sip_reason = status, sip_status, sip_reason
        self.answered = self.answered or status is CallStatus.IN_PROGRESS
        return True

    def end(self, sip_status: int, sip_reason: str) -> bool:
        """Go on to the final status that `sip_status` means."""
        return self.move(final_status(self.direction, sip_status, answered=self.answered), sip_status, sip_reason)

    @property
    def over(self) -> bool:
        """The call has ended."""
        return self.status.final
