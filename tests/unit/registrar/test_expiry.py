"""How long bindings live."""

import pytest

from jambones.common.bus.registrations import Binding
from jambones.common.ids import AccountSid, NodeId
from jambones.registrar.expiry import Bounds, Lifetime, lifetime, renewed, too_brief

BOUNDS = Bounds()
NOW = 1_700_000_000_000


def binding(*, stored: int, granted: int, transport: str = "udp") -> Binding:
    return Binding(
        account_sid=AccountSid("a"), user="ann", realm="r", contact="sip:ann@h", transport=transport, source="h:1",
        edge=NodeId("e"), flow="f", registered_at=NOW, expires_at=NOW + stored * 1000,
        granted_until=NOW + granted * 1000, sip_call_id="c", cseq=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("requested", "allowed", "transport", "nat", "expected"),
    [
        (600, None, "tcp", False, Lifetime(600, 600, 600)),
        (None, None, "udp", False, Lifetime(3600, 3600, 3600)),
        (7200, None, "udp", False, Lifetime(3600, 3600, 3600)),
        (7200, None, "wss", False, Lifetime(7200, 7200, 7200)),
        (10**6, None, "ws", False, Lifetime(86_400, 86_400, 86_400)),
        (600, 120, "tcp", False, Lifetime(120, 120, 120)),
        (600, 9999, "tcp", False, Lifetime(600, 600, 600)),  # a hook can only shorten
        (600, 0, "tcp", False, Lifetime(600, 600, 600)),
        (3600, None, "udp", True, Lifetime(30, 100, 3600)),
        (60, None, "udp", True, Lifetime(30, 60, 60)),
        (3600, None, "tls", True, Lifetime(3600, 3600, 3600)),  # a connection keeps the path open itself
    ],
)
def test_times(requested: int | None, allowed: int | None, transport: str, nat: bool, expected: Lifetime) -> None:
    assert lifetime(requested, allowed, transport=transport, nat=nat, bounds=BOUNDS) == expected


@pytest.mark.parametrize(("requested", "brief"), [(None, False), (0, False), (1, True), (59, True), (60, False)])
def test_only_times_above_nothing_and_below_the_shortest_are_too_brief(requested: int | None, brief: bool) -> None:
    assert too_brief(requested, BOUNDS) is brief


def test_a_refresh_behind_nat_renews_the_stored_time_under_the_grant_that_holds() -> None:
    assert renewed(binding(stored=70, granted=3000), NOW, nat=True, bounds=BOUNDS) == Lifetime(30, 100, 3000)
    assert renewed(binding(stored=50, granted=50), NOW, nat=True, bounds=BOUNDS) == Lifetime(30, 50, 50)


@pytest.mark.parametrize(("stored", "granted"), [(30, 3000), (70, 30), (0, 0), (-5, 100)])
def test_when_little_is_left_the_account_is_asked_again(stored: int, granted: int) -> None:
    assert renewed(binding(stored=stored, granted=granted), NOW, nat=True, bounds=BOUNDS) is None
