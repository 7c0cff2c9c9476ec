"""Where calls wait or meet: buckets `queues` and `conferences`; the feature server that owns one writes its key."""

from pydantic import BaseModel, ConfigDict

from jambones.common.bus.bucket import Bucket
from jambones.common.bus.bus import Bus
from jambones.common.ids import AccountSid

LONGEST = 43_200.0
"""Seconds that a value lives when nobody refreshes it: the owner has died."""


class LiveQueue(BaseModel):
    """Calls that wait: key (account_sid, name); gone when nobody waits."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    account_sid: AccountSid
    name: str
    length: int


class LiveConference(BaseModel):
    """Calls that hear each other: key (account_sid, name); gone when it has ended."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    account_sid: AccountSid
    name: str
    participants: int = 0


def queues_bucket(bus: Bus) -> Bucket[LiveQueue]:
    return bus.bucket("queues", LiveQueue, ttl=LONGEST)


def conferences_bucket(bus: Bus) -> Bucket[LiveConference]:
    return bus.bucket("conferences", LiveConference, ttl=LONGEST)
