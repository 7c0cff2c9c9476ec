"""What a registration hook is sent, and what its answers mean."""

from typing import Any

import pytest

from jambones.common.webhook import WebhookFailed
from jambones.registrar.hook import Attempt, Denied, Granted, failure_of, request_of, verdict_of
from jambones.sip.digest import Authorization

AUTH = Authorization("ann", "r", "n", "sip:r", "0" * 32, "MD5", "auth", "c", "00000001")
ATTEMPT = Attempt("r", "REGISTER", "sip:r", "udp", "192.0.2.4", 5062, "", (("Via", "a"), ("Via", "b")), "ann", 600)


def test_the_request_has_the_digest_as_it_was_sent_and_no_secret() -> None:
    assert request_of(ATTEMPT, AUTH, with_headers=True) == {
        "source_address": "192.0.2.4", "source_port": 5062, "method": "REGISTER", "expires": 600, "scheme": "digest",
        "username": "ann", "realm": "r", "nonce": "n", "uri": "sip:r", "algorithm": "MD5", "response": "0" * 32,
        "qop": "auth", "nc": "00000001", "cnonce": "c", "headers": {"Via": "a, b"},
    }  # fmt: skip
    assert "headers" not in request_of(ATTEMPT, AUTH, with_headers=False)


@pytest.mark.parametrize(
    ("answer", "granted"),
    [
        ({"status": "ok"}, Granted()),
        ({"status": " OK "}, Granted()),
        ({"status": "ok", "expires": 300}, Granted(expires=300)),
        ({"status": "ok", "expires": "300"}, Granted(expires=300)),
        ({"status": "ok", "expires": -1}, Granted()),
        ({"status": "ok", "expires": True}, Granted()),
        ({"status": "ok", "call_hook": "https://a/b"}, Granted(call_hook="https://a/b")),
        ({"status": "ok", "call_hook": 5, "call_status_hook": {}}, Granted()),
        ({"status": "ok", "allow_direct_app_calling": 0}, Granted(allow_direct_app_calling=False)),
    ],
)
def test_answers_that_let_in(answer: Any, granted: Granted) -> None:
    assert verdict_of(answer) == granted


def test_a_hook_object_is_kept_with_its_credentials() -> None:
    verdict = verdict_of({"status": "ok", "call_hook": {"url": "https://a", "method": "get", "username": "u"}})

    assert isinstance(verdict, Granted)
    assert verdict.call_hook == '{"url":"https://a","method":"GET","username":"u"}'


@pytest.mark.parametrize(
    "answer", [None, [], "ok", {}, {"status": None}, {"status": 1}, {"status": "fail"}, {"status": "okay"}]
)
def test_anything_else_does_not(answer: Any) -> None:
    verdict = verdict_of(answer)

    assert isinstance(verdict, Denied)
    assert verdict.status == 403


@pytest.mark.parametrize(("blacklist", "seconds"), [(True, 900), (False, None), (0, 0), (60, 60), ("x", None)])
def test_the_time_to_block_a_source(blacklist: Any, seconds: int | None) -> None:
    verdict = verdict_of({"status": "fail", "blacklist": blacklist})

    assert isinstance(verdict, Denied)
    assert verdict.block == seconds


def test_headers_of_a_refusal_cannot_forge_the_message() -> None:
    given = {"X-A": "1", "Retry-After": 30, "Via": "x", "Contact": "x", "X-Jambones-App": "x", "X-B": "1\r\nX: y",
             "bad name": "x", "Content-Length": "9"}  # fmt: skip
    verdict = verdict_of({"status": "fail", "headers": given})

    assert isinstance(verdict, Denied)
    assert verdict.headers == (("X-A", "1"), ("Retry-After", "30"))


@pytest.mark.parametrize(
    ("failed", "status"),
    [
        (WebhookFailed("webhook-connection-failure", "x", url="u", kind="ct"), 503),
        (WebhookFailed("webhook-failure", "x", url="u", status=500), 500),
        (WebhookFailed("webhook-failure", "x", url="u", status=404), 404),
        (WebhookFailed("webhook-auth-failure", "x", url="u", status=401), 403),
        (WebhookFailed("webhook-failure", "x", url="u", status=302), 403),
        (WebhookFailed("invalid-app-payload", "x", url="u"), 500),
    ],
)
def test_failures_of_the_hook(failed: WebhookFailed, status: int) -> None:
    denied = failure_of(failed)

    assert denied.status == status
    assert not denied.counts  # the device did nothing wrong
    assert denied.alert is not None
