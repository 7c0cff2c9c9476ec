"""When a hook is tried again, by its URL's fragment. What goes over the wire is tried with a real server elsewhere."""

import pytest
from yarl import URL

from jambones.common.webhook import Policy, WebhookFailed


@pytest.mark.parametrize(
    ("fragment", "retries", "on"),
    [
        ("", 0, {"ct"}),
        ("rc=3", 3, {"ct"}),
        ("rc=9", 5, {"ct"}),
        ("rc=-1", 0, {"ct"}),
        ("rc=many", 0, {"ct"}),
        ("rc=99999999999", 0, {"ct"}),
        ("rc=2&rp=ct,5xx", 2, {"ct", "5xx"}),
        ("rc=2&rp=5XX, 4xx", 2, {"5xx", "4xx"}),
        ("rp=all", 0, {"all"}),
        ("rc=1&rp=nonsense", 1, {"ct"}),
        ("rc=1&rp=rt&rp=4xx", 1, {"rt", "4xx"}),
        ("section-2", 0, {"ct"}),
    ],
)
def test_the_fragment_says_how_often_and_when(fragment: str, retries: int, on: set[str]) -> None:
    policy = Policy.of(URL(f"http://x/#{fragment}"))

    assert (policy.retries, set(policy.on)) == (retries, on)


@pytest.mark.parametrize(
    ("on", "kind", "again"),
    [
        ("ct", "ct", True),
        ("ct", "5xx", False),
        ("4xx", "4xx", True),
        ("4xx", "5xx", False),
        ("all", "3xx", True),
        ("all", "", True),
        ("ct", "", False),
    ],
)
def test_only_what_was_asked_for_is_tried_again(on: str, kind: str, again: bool) -> None:
    failure = WebhookFailed("webhook-failure", "x", url="x", kind=kind)

    assert Policy(1, frozenset({on})).covers(failure) is again
