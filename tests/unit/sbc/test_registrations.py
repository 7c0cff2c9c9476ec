"""The watched copy of bindings."""

from jambones.common.bus import Changed, Removed, SnapshotDone
from jambones.common.bus.registrations import Binding
from jambones.common.clock import now_ms
from jambones.common.ids import AccountSid, NodeId
from jambones.sbc.registrations import Registrations


def binding(user: str = "ann", *, lives: int = 60, since: int = 0, account: str = "a") -> Binding:
    now = now_ms()
    return Binding(
        account_sid=AccountSid(account), user=user, realm="acme.example", contact=f"sip:{user}@192.0.2.1",
        transport="udp", source="192.0.2.1:5060", edge=NodeId("e1"), flow="f", registered_at=now - since * 1000,
        expires_at=now + lives * 1000, granted_until=now + lives * 1000, sip_call_id="c", cseq=1,
    )  # fmt: skip


def changed(binding_id: str, value: Binding, revision: int) -> Changed[Binding]:
    return Changed((value.realm, value.user, binding_id), value, revision)


async def test_the_newest_live_binding_comes_first_and_expired_ones_are_none() -> None:
    copy = Registrations()
    copy.apply(changed("old", binding(since=30), 1))
    copy.apply(changed("new", binding(), 2))
    copy.apply(changed("dead", binding(lives=-1), 3))

    assert [stored.key[2] for stored in copy.of("ann", "Acme.Example")] == ["new", "old"]
    assert len(list(copy)) == 3


async def test_an_older_revision_does_not_replace_a_newer_one() -> None:
    copy = Registrations()
    copy.apply(changed("b", binding(lives=60), 5))
    copy.apply(changed("b", binding(lives=-1), 4))

    assert copy.of("ann", "acme.example")


async def test_users_differ_by_case_and_what_was_removed_is_gone() -> None:
    copy = Registrations()
    assert not copy.ready
    copy.apply(changed("b", binding(), 1))
    copy.apply(SnapshotDone())
    copy.apply(Removed(("acme.example", "ann", "b")))

    assert copy.ready
    assert copy.of("Ann", "acme.example") == copy.of("ann", "acme.example") == []


async def test_addresses_of_record_are_counted_once_however_many_devices_they_have() -> None:
    copy = Registrations()
    for number, value in enumerate([binding(), binding(), binding("bob"), binding("eve", account="b")]):
        copy.apply(changed(str(number), value, number + 1))

    assert copy.aors("a") == 2


async def test_a_source_that_a_device_is_registered_from_is_known() -> None:
    copy = Registrations()
    copy.apply(changed("b", binding(), 1))

    assert copy.registered_from("acme.example", "192.0.2.1", 5060)
    assert not copy.registered_from("other.example", "192.0.2.1", 5060)
    assert not copy.registered_from("acme.example", "192.0.2.1", 5061)

    copy.apply(changed("b", binding().model_copy(update={"source": "[2001:db8::1]:7"}), 2))
    assert not copy.registered_from("acme.example", "192.0.2.1", 5060)
    assert copy.registered_from("acme.example", "2001:db8::1", 7)
    copy.apply(Removed(("acme.example", "ann", "b")))
    assert not copy.registered_from("acme.example", "2001:db8::1", 7)


async def test_a_device_that_is_connected_anew_is_told_and_a_refresh_is_not() -> None:
    moves: list[tuple[str, str]] = []
    copy = Registrations(lambda before, after: moves.append((before.flow, after.flow)))
    copy.apply(changed("b", binding(), 1))
    copy.apply(changed("b", binding(lives=90), 2))
    copy.apply(changed("b", binding().model_copy(update={"flow": "g"}), 3))

    assert moves == [("f", "g")]
