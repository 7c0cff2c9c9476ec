"""Whether a call that one gateway did not take goes on to the next one. A table, and pure.

A human's no is final: who is busy or declines at one gateway is not asked again through another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

HUMAN = {486: "busy", 600: "busy everywhere", 603: "declined", 604: "does not exist anywhere"}
MAYBE = frozenset({403, 404, 480, 484})
"""One carrier may refuse what another one takes: such a status leads on to another trunk."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a try ended: a final response, or none (`answered` False: no answer, or no way to send)."""

    status: int
    answered: bool = True
    challenged_again: bool = False
    """401 or 407 that our credentials, or their lack, could not settle."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the call has seen, and what there is to try next."""

    next_gateway: Literal["none", "same trunk", "other trunk"] = "none"
    early_media: bool = False
    """The caller hears the far end already (a provisional response with SDP)."""
    connected: bool = False
    """A 2xx came."""
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    go_on: bool
    why: str


def next_step(result: Result, context: Context) -> Step:
    """Go on to the next gateway, or stop with this result."""
    if context.cancelled:
        return Step(False, "the caller cancelled")
    if context.connected:
        return Step(False, "the call was answered")
    if context.early_media:
        return Step(False, "the caller has heard the far end")
    if result.challenged_again:
        return Step(False, "credentials not accepted")
    if result.answered and result.status == 487:
        return Step(False, "cancelled")
    if result.answered and result.status in HUMAN:
        return Step(False, f"a human's answer: {HUMAN[result.status]}")
    if context.next_gateway == "none":
        return Step(False, "no gateway is left")
    if not result.answered:
        return Step(True, "no answer")
    if result.status == 408 or 500 <= result.status < 600:
        return Step(True, f"{result.status}: not the callee's word")
    if result.status in MAYBE:
        other = context.next_gateway == "other trunk"
        why = "another trunk may take it" if other else "another gateway of the trunk would say the same"
        return Step(other, f"{result.status}: {why}")
    return Step(False, f"{result.status} is final")


def final_status(results: Sequence[Result]) -> int:
    """What the feature server is told when no gateway took the call: the last real response, if there was one.

    A challenge is between us and the carrier: upstream it is 403. Without any response 408, or 503 when nothing could
    even be sent.
    """
    said = next((result.status for result in reversed(results) if result.answered), None)
    if said is not None:
        return 403 if said in {401, 407} else said
    return 408 if any(result.status == 408 for result in results) else 503
