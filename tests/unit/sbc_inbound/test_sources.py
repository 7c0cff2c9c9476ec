"""Where a request really comes from."""

import pytest

from jambones.sbc.prefixes import PrefixTable
from jambones.sbc_inbound.sources import source_of
from jambones.sip.headers import Headers

PROXIES: PrefixTable[str] = PrefixTable([("10.0.0.0/8", "proxies")])


@pytest.mark.parametrize(
    ("host", "named", "source"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.5", "192.0.2.1"),  # anybody can write that
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.5", "203.0.113.5"),  # the last hop is the one our proxy saw
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "rubbish", "10.0.0.1"),
    ],
)
def test_only_a_proxy_of_ours_is_believed(host: str, named: str | None, source: str) -> None:
    rows = [("X-Forwarded-For", named)] if named is not None else []

    assert source_of(Headers(rows), host, PROXIES) == source
