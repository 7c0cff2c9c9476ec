"""What an edge says of a call is believed only when it is signed, for this call, and fresh."""

import hashlib
import hmac

import pytest

from jambones.feature_server.signature import Facts, signed
from tests.support.sip_messages import request

KEY, NOW = b"the platform's key", 1_700_000_000


def signature(at: int | str = NOW, call_id: str = "call-1", key: bytes = KEY) -> str:
    return f"t={at},v1=" + hmac.new(key, f"{at}.{call_id}".encode(), hashlib.sha256).hexdigest()


def believed(value: str | None) -> bool:
    return signed(request(headers=[] if value is None else [("X-Jambones-Sig", value)]), KEY, NOW)


@pytest.mark.parametrize("at", [NOW, NOW - 60, NOW + 60])
def test_ours_and_fresh_is_believed(at: int) -> None:
    assert believed(signature(at))


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "rubbish",
        signature(NOW - 61),
        signature(NOW + 61),
        signature(call_id="call-2"),
        signature(key=b"another"),
        signature().replace("v1=", "v2="),
        signature().upper(),
        signature() + ",t=1",
        "t=,v1=",
        "t=-1,v1=00",
        "t=ü,v1=ü",
    ],
)
def test_everything_else_is_not(value: str | None) -> None:
    assert not believed(value)


def test_the_facts_are_those_of_the_headers() -> None:
    invite = request(
        headers=[
            ("X-Jambones-Account", "account-1"),
            ("X-Jambones-App", "application-1"),
            ("X-Jambones-Call", "outside-1"),
            ("X-Jambones-Src", "198.51.100.7:5060;udp"),
            ("X-Jambones-Trunk-Name", "acme"),
        ]
    )

    facts = Facts.of(invite)

    assert facts == Facts("account-1", "application-1", "trunk", "outside-1", "198.51.100.7:5060", "acme")
    assert Facts.of(request()) is None
