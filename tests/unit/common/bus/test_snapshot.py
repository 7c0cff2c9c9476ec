"""Where what was there ends and changes begin, however the marker and the entries come."""

from types import SimpleNamespace
from unittest.mock import AsyncMock, Mock

from nats.js.client import JetStreamContext
from nats.js.kv import KeyValue

from jambones.common.bus.bucket import Snapshot


def snapshot(delivered: int) -> Snapshot:
    """Of a watcher whose consumer has been sent `delivered` entries."""
    subscription = Mock(spec=JetStreamContext.PushSubscription)
    info = SimpleNamespace(delivered=SimpleNamespace(consumer_seq=delivered))
    subscription.consumer_info = AsyncMock(return_value=info)
    return Snapshot(Mock(spec=KeyValue.KeyWatcher, _sub=subscription))


def entry(waiting: int) -> KeyValue.Entry:
    """One behind which `waiting` others come."""
    return KeyValue.Entry("b", "k", b"{}", 1, waiting, None, None)


async def test_an_empty_one_ends_with_the_marker() -> None:
    nothing = snapshot(delivered=0)
    assert await nothing.ends_with(None)
    assert not await nothing.ends_with(entry(0))


async def test_it_ends_with_the_marker_behind_the_entries() -> None:
    two = snapshot(delivered=2)
    assert [await two.ends_with(word) for word in (entry(1), entry(0), None)] == [False, False, True]


async def test_a_marker_that_comes_too_early_is_put_right() -> None:
    two = snapshot(delivered=2)
    assert [await two.ends_with(word) for word in (None, entry(1), entry(0))] == [False, False, True]
    assert not await two.ends_with(entry(0))
