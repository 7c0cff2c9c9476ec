"""Which bindings a REGISTER makes, replaces and ends."""

import pytest

from jambones.common.bus.registrations import Binding
from jambones.common.ids import AccountSid, NodeId
from jambones.registrar.bindings import OutOfOrder, in_order, key_of, matching, plan
from jambones.registrar.register import AskedContact
from jambones.sbc.registrations import Stored


def binding(contact: str = "sip:ann@192.0.2.1:5060", *, at: int = 0, **more: object) -> Binding:
    values = {
        "account_sid": AccountSid("a"), "user": "ann", "realm": "r", "contact": contact, "transport": "tcp",
        "source": "192.0.2.1:1", "edge": NodeId("e"), "flow": contact, "registered_at": at, "expires_at": at + 60_000,
        "granted_until": at + 60_000, "sip_call_id": f"call of {contact}", "cseq": 1,
    }  # fmt: skip
    return Binding.model_validate(values | more)


def stored(value: Binding, revision: int = 1) -> Stored:
    return Stored(key_of(value), value, revision)


def made(current: list[Stored], new: list[Binding], *, most: int = 5, exclusive: bool = False) -> list[str]:
    """Contacts of what is there in the end."""
    intended = plan(current, new, [], most=most, exclusive=exclusive)
    gone = {one.key for one in intended.ends}
    left = {one.key: one.binding for one in current if one.key not in gone}
    left |= {write.key: write.binding for write in intended.writes}
    return sorted(value.contact for value in left.values())


A, B, C = (f"sip:ann@192.0.2.{n}:5060" for n in (1, 2, 3))


def test_devices_stand_side_by_side() -> None:
    assert made([stored(binding(A))], [binding(B)]) == [A, B]


def test_a_contact_seen_before_is_written_over_its_own_revision() -> None:
    (write,) = plan([stored(binding(A), 7)], [binding(A, cseq=2)], [], most=5, exclusive=False).writes

    assert write.revision == 7


def test_another_contact_on_the_same_flow_replaces() -> None:
    assert made([stored(binding(A, flow="f"))], [binding(B, flow="f")]) == [B]
    assert made([stored(binding(A, flow="f"))], [binding(B, flow="f", edge="other")]) == [A, B]


def test_two_contacts_of_one_request_do_not_replace_each_other() -> None:
    assert made([], [binding(A, flow="f"), binding(B, flow="f")]) == [A, B]


def test_the_same_instance_and_flow_number_replace_whatever_the_contact() -> None:
    old = stored(binding(A, instance="i", reg_id=1))

    assert made([old], [binding(B, instance="i", reg_id=1)]) == [B]
    assert made([old], [binding(B, instance="i", reg_id=2)]) == [A, B]
    assert made([old], [binding(B, instance="j", reg_id=1)]) == [A, B]


def test_beyond_the_limit_the_oldest_goes() -> None:
    current = [stored(binding(A, at=2)), stored(binding(B, at=1))]

    assert made(current, [binding(C, at=3)], most=2) == [A, C]
    assert made(current, [binding(A, at=3, cseq=2)], most=2) == [A, B]
    assert made(current, [], most=1) == [A, B]  # a request that adds nothing pushes nobody out


def test_an_exclusive_contact_replaces_all() -> None:
    assert made([stored(binding(A)), stored(binding(B))], [binding(C)], exclusive=True) == [C]


def test_a_late_request_is_out_of_order() -> None:
    for cseq in (4, 5):
        with pytest.raises(OutOfOrder):
            plan([stored(binding(A, cseq=5))], [binding(A, cseq=cseq)], [], most=5, exclusive=False)
    assert made([stored(binding(A, cseq=5))], [binding(A, cseq=1, sip_call_id="new")]) == [A]


def test_a_late_request_is_out_of_order_however_it_writes_the_contact() -> None:
    kept = stored(binding(A, cseq=5))
    late = binding(A + ";transport=tcp", cseq=4, sip_call_id=kept.binding.sip_call_id)
    with pytest.raises(OutOfOrder):
        plan([kept], [late], [], most=5, exclusive=False)


def test_a_late_request_ends_no_binding() -> None:
    kept = [stored(binding(A, cseq=1, sip_call_id="other")), stored(binding(B, cseq=5, sip_call_id="call"))]
    for cseq in (4, 5):
        with pytest.raises(OutOfOrder):
            in_order(kept, "call", cseq)
    in_order(kept, "call", 6)
    in_order(kept, "new", 1)


@pytest.mark.parametrize(
    ("contact", "found"),
    [
        (AskedContact(A), True),
        (AskedContact(A + ";transport=tcp"), True),
        (AskedContact(B), False),
        (AskedContact(B, "i", 1), True),
        (AskedContact(A, "other", 1), False),
    ],
)
def test_a_contact_names_a_binding_by_instance_else_by_address(contact: AskedContact, found: bool) -> None:
    assert bool(matching([stored(binding(A, instance="i", reg_id=1))], contact)) is found
