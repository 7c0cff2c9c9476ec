"""Which devices of a user are called."""

from dataclasses import replace

from jambones.common.bus.nodes import Node
from jambones.common.bus.registrations import Binding
from jambones.common.ids import AccountSid, NodeId
from jambones.media.rtpengine import PLAIN, WEBRTC
from jambones.sbc.decision import Refusal
from jambones.sbc.registrations import Stored
from jambones.sbc.tenants import Account
from jambones.sbc_outbound.devices import Device, devices
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.tables import Tables
from jambones.sbc_outbound.ways import to_device
from jambones.sip.transport.virtual import VirtualFlow
from jambones.sip.uri import Uri

ANN = Account("ann", "sp", "ann.example.com")
BOB = Account("bob", "sp", "bob.example.com")
TABLES = Tables.of(accounts=[ANN, BOB])
EDGE = Node(kind="edge", id=NodeId("e1"), labels={"public_udp": "192.0.2.1:5060", "public_wss": "edge.example:443"})
ORDER = Order(ANN, "user", Uri("sip", "alice", host="ann.example.com"), "15550000")


def stored(transport: str = "udp", edge: str = "e1", contact: str = "sip:alice@10.0.0.9:5062") -> Stored:
    binding = Binding(
        account_sid=AccountSid("ann"), user="alice", realm="ann.example.com", contact=contact, transport=transport,
        source="203.0.113.4:40123", edge=NodeId(edge), flow="f7", path=("<sip:p1;lr>", "<sip:p2;lr>"), registered_at=1,
        expires_at=9_000_000_000_000, granted_until=2, sip_call_id="r1", cseq=1,
    )  # fmt: skip
    return Stored(("ann.example.com", "alice", f"{transport}{edge}"), binding, 1)


def decide(*known: Stored, order: Order = ORDER) -> tuple[Device, ...] | int:
    def registered(user: str, realm: str) -> list[Stored]:
        return list(known) if (user, realm) == ("alice", "ann.example.com") else []

    result = devices(TABLES, order, registered, {"e1": EDGE}.get).result
    return result.status if isinstance(result, Refusal) else result


def test_every_live_binding_is_called() -> None:
    found = decide(stored(), stored("wss", contact="sip:x@abc.invalid;transport=ws"))

    assert not isinstance(found, int)
    assert [(d.advertised, d.remote.transport, d.remote.port) for d in found] == [
        (("192.0.2.1", 5060), "udp", 40123), (("edge.example", 443), "wss", 40123),
    ]  # fmt: skip


def test_nobody_registered_is_404_and_a_foreign_realm_403() -> None:
    assert decide() == 404
    assert decide(order=replace(ORDER, target=Uri("sip", "alice", host="bob.example.com"))) == 403
    assert decide(order=replace(ORDER, target=Uri("sip", "alice", host="nowhere.example"))) == 404


def test_bindings_that_cannot_be_reached_are_480() -> None:
    assert decide(stored(edge="gone")) == 480
    assert decide(stored("tls")) == 480
    assert decide(stored(contact="not a uri")) == 480


def test_one_that_is_gone_does_not_stop_the_others() -> None:
    found = decide(stored(edge="gone"), stored())

    assert not isinstance(found, int)
    assert len(found) == 1


def test_the_invite_follows_contact_and_path_and_names_the_user() -> None:
    found = decide(stored())
    assert not isinstance(found, int)
    flow = VirtualFlow("f", found[0].remote, found[0].remote, lambda data: None, ("192.0.2.1", 5060), "n")

    way = to_device(found[0], ORDER, flow)

    assert (str(way.uri), str(way.to)) == ("sip:alice@10.0.0.9:5062", "<sip:alice@ann.example.com>")
    assert [row for row in way.rows if row[0] == "Route"] == [("Route", "<sip:p1;lr>"), ("Route", "<sip:p2;lr>")]
    assert (str(way.from_), way.profile) == ("<sip:15550000@ann.example.com>", PLAIN)


def test_a_browser_gets_encrypted_media() -> None:
    found = decide(stored("wss"))
    assert not isinstance(found, int)
    flow = VirtualFlow("f", found[0].remote, found[0].remote, lambda data: None, ("192.0.2.1", 5060), "n")

    assert to_device(found[0], ORDER, flow).profile is WEBRTC


def test_a_number_behind_a_registered_exchange_replaces_the_user() -> None:
    found = decide(stored(), order=replace(ORDER, to_user="42"))

    assert not isinstance(found, int)
    assert str(found[0].uri) == "sip:42@10.0.0.9:5062"
