"""Addresses of hooks."""

import pytest

from jambones.api.errors import Refused
from jambones.api.hooks import check_url


@pytest.mark.parametrize(
    "url", ["http://a.com", "https://a.com:8443/x?y=z#rc=3", "ws://localhost/x", "wss://10.0.0.1", "http://[::1]:80/"]
)
def test_an_address_that_can_be_asked_is_taken(url: str) -> None:
    check_url("call_hook", url)


@pytest.mark.parametrize("url", ["http://my_service:3000/x", "https://a.com", "ws://[::1]", "http://_x.y_z"])
def test_a_host_of_a_private_network_may_have_underscores(url: str) -> None:
    check_url("registration_hook", url, any_host=True)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "call_hook URL is invalid"),
        ("", "call_hook URL is invalid"),
        ("http://a.com ", "call_hook URL contains leading/trailing whitespace"),
        ("http://a .com", "call_hook URL is invalid"),
        ("a.com", "call_hook URL has missing or invalid protocol"),
        ("ftp://a.com", "call_hook URL has missing or invalid protocol ftp"),
        ("http://", "call_hook URL has invalid hostname"),
        ("http://a_b.com", "call_hook URL has invalid hostname a_b.com"),
        ("http://a.com:99999", "call_hook URL is invalid"),
        ("http://[::1", "call_hook URL is invalid"),
    ],
)
def test_other_addresses_are_refused_in_words(url: str | None, words: str) -> None:
    with pytest.raises(Refused, match="call_hook URL") as caught:
        check_url("call_hook", url)
    assert words in caught.value.message
