"""The entry checks, in order."""

import base64

import pytest

from jambones.sbc import headers
from jambones.sbc.decision import Decision, Refusal
from jambones.sbc.tenants import Account
from jambones.sbc_outbound.order import Order, order_of
from jambones.sip.message import Request

KEY, NOW = b"internal", 1_700_000_000
ACCOUNTS = {"ann": Account("ann", "sp", "ann.example.com"), "off": Account("off", "sp", is_active=False)}
CALL_ID = "c1@fs"


def ask(uri: str = "sip:15551234@egress", key: bytes | None = KEY, **given: str | None) -> Decision[Order | Refusal]:
    rows = {
        "Via": "SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1",
        "From": '"Ann" <sip:15550000@10.0.0.2>;tag=1',
        "To": f"<{uri}>",
        "Call-ID": CALL_ID,
        "CSeq": "1 INVITE",
        "X-Jambones-Sig": headers.sign(KEY, CALL_ID, NOW),
        "X-Jambones-Account": "ann",
        "X-Jambones-Route": "phone",
        **{name.replace("_", "-"): value for name, value in given.items()},
    }
    invite = Request("INVITE", uri, [(name, value) for name, value in rows.items() if value is not None])
    return order_of(invite, ACCOUNTS, key=key, now=NOW)


def refused(decision: Decision[Order | Refusal]) -> tuple[int, str]:
    assert isinstance(decision.result, Refusal), decision
    return decision.result.status, decision.result.cause


def order(decision: Decision[Order | Refusal]) -> Order:
    assert isinstance(decision.result, Order), decision
    return decision.result


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"X_Jambones_Sig": None}, (403, "not signed")),
        ({"X_Jambones_Sig": "t=1,v1=00"}, (403, "not signed")),
        ({"X_Jambones_Sig": headers.sign(KEY, "another call", NOW)}, (403, "not signed")),
        ({"X_Jambones_Sig": headers.sign(KEY, CALL_ID, NOW - 61)}, (403, "not signed")),
        ({"X_Jambones_Sig": headers.sign(b"other", CALL_ID, NOW)}, (403, "not signed")),
        ({"X_Jambones_Account": None}, (403, "no account")),
        ({"X_Jambones_Account": "nobody"}, (403, "no account")),
        ({"X_Jambones_Account": "off"}, (503, "account inactive")),
        ({"X_Jambones_Route": None}, (403, "no kind of target")),
        ({"X_Jambones_Route": "teams"}, (403, "no kind of target")),
        ({"X_Jambones_Route": "user", "uri": "sip:ann.example.com"}, (400, "bad target")),
        ({"X_Jambones_Route": "sip", "uri": "tel:+1555"}, (400, "bad target")),
        ({"X_Jambones_Proxy": "sip:a b"}, (400, "bad target")),
        ({"X_Jambones_Auth": "not base64"}, (400, "bad target")),
        ({"X_Jambones_Auth": base64.b64encode(b"nocolon").decode()}, (400, "bad target")),
        ({"uri": "sip:egress"}, (404, "no number")),
    ],
)
def test_an_invite_that_is_no_order_is_refused(given: dict[str, str | None], expected: tuple[int, str]) -> None:
    uri = given.pop("uri", None) or "sip:15551234@egress"

    assert refused(ask(uri, **given)) == expected


def test_without_a_key_nobody_signs() -> None:
    assert order(ask(key=None, X_Jambones_Sig=None)).kind == "phone"


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:+15551234@egress", "15551234"),
        ("sip:15551234;phone-context=x@egress", "15551234"),
        ("sip:*98@egress", "*98"),
        ("tel:+15551234", "15551234"),
    ],
)
def test_the_number_is_without_plus_and_parameters(uri: str, number: str) -> None:
    assert order(ask(uri)).number == number


def test_every_private_header_is_read() -> None:
    asked = order(
        ask(
            "sip:alice@ann.example.com",
            X_Jambones_Route="user",
            X_Jambones_Trunk="t1",
            X_Jambones_In_Trunk="t2",
            X_Jambones_From_User="15559999",
            X_Jambones_From_Host="shop.example",
            X_Jambones_To_User="42",
            X_Jambones_Proxy="proxy.example",
            X_Jambones_Srtp="sdes",
            X_Jambones_Auth=base64.b64encode(b"ann:se:cret").decode(),
            X_Jambones_Fs="fs-1;v=1",
            X_Jambones_Call_Sid="cs",
            X_Jambones_App="app",
            X_Jambones_Trace="0af7",
            X_Jambones_Parent="parent@fe",
        )
    )

    assert (asked.kind, asked.trunk, asked.in_trunk, asked.from_user) == ("user", "t1", "t2", "15559999")
    assert (asked.from_host, asked.to_user, str(asked.proxy), asked.srtp) == (
        "shop.example", "42", "sip:proxy.example", True,
    )  # fmt: skip
    assert asked.login is not None
    assert (asked.login.username, asked.login.password.reveal()) == ("ann", "se:cret")
    assert (asked.feature_server, asked.call_sid, asked.application_sid) == ("fs-1", "cs", "app")
    assert (asked.trace_id, asked.parent_call_id, asked.display) == ("0af7", "parent@fe", "Ann")


def test_the_caller_is_the_from_of_the_invite_when_nothing_else_is_wanted() -> None:
    assert order(ask()).from_user == "15550000"


def test_a_login_never_shows() -> None:
    asked = order(ask(X_Jambones_Auth=base64.b64encode(b"ann:hunter2").decode()))

    assert "hunter2" not in repr(asked)
