"""What a caller hears while the application thinks: filler noise, or say and play after a time without an answer."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, SerializeAsAny

from jambones.common.verbs.model import Count, Flag, Seconds, VerbModel, WireModel


def _say_or_play(value: Any) -> Any:
    from jambones.common.verbs.parse import nested  # the parser needs all models, this one included

    return nested(value, only=frozenset({"say", "play"}))


def _any_verb(value: Any) -> Any:
    from jambones.common.verbs.parse import nested

    return nested(value)


class FillerNoise(WireModel):
    """Audio looped to the caller until the next verb arrives."""

    enable: Flag = True
    url: str | None = None
    start_delay_secs: Seconds = 0


class ActionHookDelayAction(WireModel):
    """Actions for the time an application takes to answer; the i-th run plays `actions[i mod n]`."""

    RENAMED: ClassVar = {"enable": "enabled", "noResponseGiveupTimeout": "noResponseGiveUpTimeout"}

    enabled: Flag = True
    no_response_timeout: Seconds = 0
    retries: Count = 1
    actions: Annotated[tuple[SerializeAsAny[VerbModel], ...], BeforeValidator(_say_or_play)] = ()
    no_response_give_up_timeout: Seconds | None = None
    give_up_actions: Annotated[tuple[SerializeAsAny[VerbModel], ...], BeforeValidator(_any_verb)] = ()
