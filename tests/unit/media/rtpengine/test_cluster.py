"""How a session finds a node and keeps it, on daemons of the test's making."""

import pytest

from jambones.media.rtpengine.bencode import Encodable
from jambones.media.rtpengine.cluster import Node, RtpengineCluster
from jambones.media.rtpengine.errors import BadDescription, NgUnreachable, NoRtpengine
from jambones.media.rtpengine.profiles import PLAIN
from tests.support.ng import ScriptedDaemon, hundredfold_speed


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    hundredfold_speed(monkeypatch)


def make_cluster(*daemons: ScriptedDaemon) -> RtpengineCluster:
    return RtpengineCluster([Node(daemon.client()) for daemon in daemons])


OFFERED: dict[str, Encodable] = {"result": "ok", "sdp": "v=0\r\n"}


async def test_a_full_node_is_passed_over_for_a_while() -> None:
    full, good = ScriptedDaemon([{"result": "load limit"}]), ScriptedDaemon([OFFERED, OFFERED])
    cluster = make_cluster(full, good)
    for call_id in ("a", "b"):
        assert await cluster.session(call_id).offer(b"v=0", from_tag="fe", towards=PLAIN) == b"v=0\r\n"

    assert (len(full.sent), len(good.sent)) == (1, 2)
    assert (cluster.available, cluster.nodes[1].sessions) == (2, 2)


@pytest.mark.usefixtures("fast")
async def test_a_dead_node_is_marked_and_told_to_forget() -> None:
    dead, good = ScriptedDaemon([]), ScriptedDaemon([OFFERED])
    cluster = make_cluster(dead, good)
    session = cluster.session("c")
    await session.offer(b"v=0", from_tag="fe", towards=PLAIN)

    assert session.node is cluster.nodes[1]
    assert [node.up for node in cluster.nodes] == [False, True]
    assert dead.sent[-1][1]["command"] == "delete"  # should it have lived after all


async def test_nodes_are_asked_in_turn() -> None:
    cluster = make_cluster(*(ScriptedDaemon([]) for _ in range(3)))

    assert [cluster.nodes.index(cluster.pick()) for _ in range(6)] == [0, 1, 2, 0, 1, 2]


@pytest.mark.usefixtures("fast")
async def test_with_no_node_left_the_offer_fails_as_503() -> None:
    cluster = make_cluster(ScriptedDaemon([]))
    with pytest.raises(NoRtpengine) as error:
        await cluster.session("c").offer(b"v=0", from_tag="fe", towards=PLAIN)

    assert error.value.status == 503
    with pytest.raises(NoRtpengine, match="configured"):
        RtpengineCluster([]).pick()


@pytest.mark.usefixtures("fast")
async def test_a_session_stays_on_its_node_even_when_that_is_silent() -> None:
    first, second = ScriptedDaemon([OFFERED]), ScriptedDaemon([OFFERED])
    cluster = make_cluster(first, second)
    session = cluster.session("c")
    await session.offer(b"v=0", from_tag="fe", towards=PLAIN)
    with pytest.raises(NgUnreachable):
        await session.offer(b"v=0", from_tag="fs", to_tag="fe", towards=PLAIN)
    assert await session.delete() is None

    assert cluster.available == 1
    assert [node.sessions for node in cluster.nodes] == [0, 0]


async def test_an_error_of_the_offer_itself_is_not_tried_elsewhere() -> None:
    bad: dict[str, Encodable] = {"result": "error", "error-reason": "Failed to parse SDP"}
    daemons = ScriptedDaemon([bad]), ScriptedDaemon([bad])
    with pytest.raises(BadDescription):
        await make_cluster(*daemons).session("c").offer(b"x", from_tag="fe", towards=PLAIN)

    assert sum(len(d.sent) for d in daemons) == 1
