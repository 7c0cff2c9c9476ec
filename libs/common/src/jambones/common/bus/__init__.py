"""The bus: typed events, requests, records and key-value buckets over NATS."""

from jambones.common.bus.bucket import Bucket, Changed, Removed, SnapshotDone
from jambones.common.bus.bus import Bus, RemoteError
from jambones.common.bus.connection import BusState
from jambones.common.bus.event import Event, Question, Recorded
from jambones.common.bus.records import Delivery

__all__ = [
    "Bucket",
    "Bus",
    "BusState",
    "Changed",
    "Delivery",
    "Event",
    "Question",
    "Recorded",
    "RemoteError",
    "Removed",
    "SnapshotDone",
]
