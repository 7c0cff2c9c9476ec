"""Choosing a node: who can take a call, who cannot and why, and that load is spread."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from jambones.common import clock
from jambones.common.bus.bucket import Changed, Removed, SnapshotDone
from jambones.common.bus.nodes import FAILED_FOR, FRESH, Heartbeat, Node, NodeDirectory
from jambones.common.ids import NodeId
from jambones.common.tasks import cancel
from tests.support.virtual_time import in_virtual_time


def heard(directory: NodeDirectory, name: str, **more: Any) -> Node:
    node = Node(kind="fs", id=NodeId(name), at=more.pop("at", clock.now_ms()), **more)
    directory.apply(Changed(("fs", name), node, 1))
    return node


def directory(*names: str, **more: Any) -> NodeDirectory:
    made = NodeDirectory("fs")
    made.apply(SnapshotDone())
    for name in names:
        heard(made, name, **more)
    return made


def chosen(made: NodeDirectory, times: int = 1, **options: Any) -> Counter[str]:
    picks = [made.choose(**options).node for _ in range(times)]
    return Counter(node.id if node is not None else "none" for node in picks)


@in_virtual_time
async def test_an_empty_directory_says_why_it_has_nobody() -> None:
    made = NodeDirectory("fs")
    assert made.choose().reasons == ("the list of nodes is not complete yet", "no fs node can take a call")
    made.apply(SnapshotDone())
    assert made.choose().reasons == ("no fs node can take a call",)


@pytest.mark.parametrize("more", [{"state": "draining"}, {"state": "full"}, {"calls": 10, "max_calls": 10}])
@in_virtual_time
async def test_a_node_that_cannot_take_a_call_is_not_chosen_and_the_reason_names_it(more: dict[str, Any]) -> None:
    made = directory("bad", **more)
    choice = made.choose()

    assert choice.node is None
    assert any("bad" in reason for reason in choice.reasons)
    heard(made, "good")
    assert chosen(made, 20) == {"good": 20}


@in_virtual_time
async def test_a_node_that_falls_silent_is_not_chosen_until_it_is_heard_again() -> None:
    made = directory("a")
    await asyncio.sleep(FRESH + 0.1)
    assert (chosen(made), made.nodes, made.get("a")) == ({"none": 1}, [], None)
    assert chosen(made, old=True) == {"a": 1}  # heartbeats cannot come now
    heard(made, "a")
    assert chosen(made) == {"a": 1}


@in_virtual_time
async def test_a_node_that_failed_is_passed_over_for_a_while() -> None:
    made = directory("a", "b")
    made.failed(NodeId("a"))
    assert chosen(made, 20) == {"b": 20}
    assert "fs.a: failed a moment ago" in made.choose().reasons
    await asyncio.sleep(FAILED_FOR + 0.1)
    assert chosen(made, 50).keys() == {"a", "b"}


@in_virtual_time
async def test_a_node_that_failed_is_tried_again_where_there_is_no_other() -> None:
    made = directory("a")
    heard(made, "b", state="full")
    made.failed(NodeId("a"))
    assert chosen(made) == {"a": 1}
    assert "whoever could take it failed a moment ago, and is tried again" in made.choose().reasons
    assert chosen(made, exclude={"a"}) == {"none": 1}


@in_virtual_time
async def test_a_node_that_was_started_anew_has_not_failed() -> None:
    made = directory("a", "b", run="1")
    made.failed(NodeId("a"))
    heard(made, "a", run="2")
    assert chosen(made, 50).keys() == {"a", "b"}


@in_virtual_time
async def test_who_was_tried_already_is_left_out() -> None:
    made = directory("a", "b")

    assert chosen(made, 20, exclude={"a"}) == {"b": 20}


@in_virtual_time
async def test_the_less_loaded_of_two_is_chosen() -> None:
    made = directory()
    heard(made, "busy", calls=80, max_calls=100)
    heard(made, "idle", calls=1, max_calls=100)

    assert chosen(made, 50) == {"idle": 50}


@in_virtual_time
async def test_calls_given_since_the_last_heartbeat_count() -> None:
    made = directory("a", "b", max_calls=1000)

    assert chosen(made, 100) == {"a": 50, "b": 50}


@in_virtual_time
async def test_nodes_of_the_same_zone_come_first() -> None:
    made = directory()
    heard(made, "near", zone="eu")
    heard(made, "far", zone="us")

    assert chosen(made, 20, zone="eu") == {"near": 20}
    made.failed(NodeId("near"))
    assert chosen(made, 5, zone="eu") == {"far": 5}


@in_virtual_time
async def test_a_node_that_said_goodbye_is_gone_and_one_the_server_forgot_is_not() -> None:
    made = directory("a", "b")
    made.apply(Removed(("fs", "a")))
    made.apply(Removed(("fs", "b"), missing=True))

    assert [node.id for node in made.nodes] == ["b"]
    assert made.silent_for("a") == float("inf")


@in_virtual_time
async def test_an_old_heartbeat_in_the_snapshot_is_old() -> None:
    made = NodeDirectory("fs")
    heard(made, "a", at=clock.now_ms() - 12_000)
    made.apply(SnapshotDone())

    assert chosen(made) == {"none": 1}


@in_virtual_time
async def test_a_restart_is_noticed_once() -> None:
    made = directory("a", run="1")
    heard(made, "a", run="1")
    assert made.restarted() == set()
    heard(made, "a", run="2")
    assert made.restarted() == {"a"}
    assert made.restarted() == set()


@in_virtual_time
async def test_a_dry_run_counts_nothing() -> None:
    made = directory("a", "b", max_calls=1000)
    for _ in range(10):
        assert made.would_choose().node is not None

    assert chosen(made, 2) == {"a": 1, "b": 1}


class Written:
    """The bucket of nodes, for one who only writes: (seconds since the start, state)."""

    def __init__(self) -> None:
        self.beats: list[tuple[float, str]] = []
        self._began = asyncio.get_running_loop().time()

    async def put(self, *key: str, value: Node) -> None:
        self.beats.append((round(asyncio.get_running_loop().time() - self._began, 2), value.state))


@in_virtual_time
async def test_a_state_that_nobody_tells_of_is_written_within_a_second() -> None:
    bucket: Any = Written()
    full = False

    def refresh(node: Node) -> Node:
        return node.model_copy(update={"state": "full" if full else "open"})

    beating = asyncio.ensure_future(Heartbeat(bucket, Node(kind="fs", id=NodeId("a")), refresh=refresh).run())
    await asyncio.sleep(2.5)
    full = True
    await asyncio.sleep(1.0)
    full = False
    await asyncio.sleep(8.0)
    assert bucket.beats == [(0.0, "open"), (3.0, "full"), (4.0, "open"), (9.0, "open")]
    await cancel(beating)
