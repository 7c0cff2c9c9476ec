"""The application over HTTP: which URL, which credentials, what an answer means."""

from collections.abc import Mapping
from typing import Any

import pytest

from jambones.common.verbs.hook import Hook
from jambones.common.webhook import WebhookFailed
from jambones.feature_server.calls.collaborators import HookFailed
from jambones.feature_server.hooks.http import HttpHooks


class FakeClient:
    """A WebhookClient without a network: answers what it was given."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, url: str, payload: Mapping[str, Any], **options: Any) -> Any:
        self.asked.append((url, {"payload": payload, **options}))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def hooks(answer: Any = None, first: Hook | None = None, secret: str | None = None) -> tuple[HttpHooks, FakeClient]:
    client = FakeClient(answer)
    untyped: Any = client
    return HttpHooks(untyped, first or Hook(url="https://a.example/base/start?x=1"), secret=secret), client


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("/menu", "https://a.example/menu"),
        ("menu", "https://a.example/menu"),
        ("menu/deep?y=2#rc=1", "https://a.example/menu/deep?y=2#rc=1"),
        ("http://b.example/x", "http://b.example/x"),
        ("/ü b", "https://a.example/%C3%BC%20b"),
    ],
)
async def test_relative_hooks_belong_to_the_origin_of_the_call_hook(written: str, url: str) -> None:
    made, client = hooks()
    await made.ask("verb:hook", Hook(url=written), {"a": 1})

    assert client.asked[0][0] == url


async def test_after_a_redirect_they_belong_to_the_new_origin() -> None:
    made, client = hooks()
    made.rebase(Hook(url="/same"))
    await made.ask("verb:hook", Hook(url="/one"), {})
    made.rebase(Hook(url="http://b.example:8080/start"))
    await made.ask("verb:hook", Hook(url="/two"), {})

    assert [url for url, _ in client.asked] == ["https://a.example/one", "http://b.example:8080/two"]
    assert made.base == "http://b.example:8080/start"


async def test_the_applications_credentials_go_everywhere_unless_a_hook_brings_its_own() -> None:
    made, client = hooks(first=Hook(url="https://a.example/", username="app", password="secret"), secret="wh_secret_1")
    await made.ask("verb:hook", Hook(url="/one", method="GET"), {})
    await made.ask("verb:hook", Hook(url="http://b.example/", username="other"), {})

    one, other = (options for _, options in client.asked)
    assert (one["auth"], one["method"], one["secret"], one["kind"]) == (
        ("app", "secret"),
        "GET",
        "wh_secret_1",
        "verb:hook",
    )
    assert other["auth"] == ("other", "")


@pytest.mark.parametrize("answer", [None, {}, {"verb": "hangup"}, []])
async def test_an_answer_without_verbs_is_none_and_a_failure_at_first(answer: Any) -> None:
    made, _ = hooks(answer)

    assert list(await made.ask("verb:hook", Hook(url="/x"), {})) == []
    with pytest.raises(HookFailed) as caught:
        await made.open({})
    assert caught.value.alert == "invalid-app-payload"
    assert "x=1" not in str(caught.value)


@pytest.mark.parametrize("answer", ["text", 7, True, [{"verb": "sing"}], [{"verb": "pause"}], ["pause"], [[]]])
async def test_an_answer_that_is_no_script_fails(answer: Any) -> None:
    made, _ = hooks(answer)

    with pytest.raises(HookFailed) as caught:
        await made.ask("verb:hook", Hook(url="/x"), {})
    assert (caught.value.alert, caught.value.sip_status) == ("invalid-app-payload", 480)


async def test_a_webhook_that_fails_says_so_with_its_alert() -> None:
    made, _ = hooks(WebhookFailed("webhook-url-notfound", "x answered 404", url="x", status=404))

    with pytest.raises(HookFailed) as caught:
        await made.tell("call:status", Hook(url="/x"), {})
    assert (caught.value.alert, caught.value.data["status"]) == ("webhook-url-notfound", 404)


@pytest.mark.parametrize("url", ["ftp://a/b", "ws://a/b", "http://[::1/b"])
async def test_what_is_no_http_url_fails_without_being_asked(url: str) -> None:
    made, client = hooks()

    with pytest.raises(HookFailed):
        await made.ask("verb:hook", Hook(url=url), {})
    assert client.asked == []


async def test_verbs_come_back_in_order() -> None:
    made, _ = hooks([{"verb": "pause", "length": 1}, {"hangup": {}}])

    assert [verb.verb for verb in await made.open({})] == ["pause", "hangup"]


async def test_unknown_properties_are_passed_over_and_told_once_a_call() -> None:
    client, told = FakeClient([{"verb": "pause", "length": 1, "colour": "red"}]), []
    untyped: Any = client
    made = HttpHooks(untyped, Hook(url="https://a.example/"), noted=lambda notes: told.extend(map(str, notes)))

    for _ in range(3):
        assert [verb.verb for verb in await made.ask("verb:hook", Hook(url="/x"), {})] == ["pause"]

    assert told == ["item 0 (pause): unknown property colour was ignored"]


@pytest.mark.parametrize("first", ["example.com/hook", "http://a.example:99999/"])
async def test_an_application_without_a_usable_url_fails_and_does_not_raise(first: str) -> None:
    made, client = hooks(first=Hook(url=first))
    for ask in (made.open({}), made.ask("verb:hook", Hook(url="/next"), {})):
        with pytest.raises(HookFailed):
            await ask

    assert client.asked == []
