"""Scripts that the published schemas allow, run: whatever a verb is asked for, the call comes to its ordinary end."""

import json
from pathlib import Path
from typing import Any

import pytest

from jambones.common.verbs.catalogue import ALIASES
from jambones.feature_server.verbs.registry import runners
from jambones.testing import HookRequest, ListenSocket, call
from tests.integration.clients.shapes import Schemas

ENDS = {"script ended", "hung up", "hangup verb", "SIP Decline Verb"}
AFTER_THE_ANSWER = {"sip:refer", "sip:request", "hangup"}
NOT_READ = ("config", "listen"), ("config", "stream"), ("config", "transcribe")  # without `enable`


@pytest.fixture(scope="session")
def schemas(published: Path) -> Schemas:
    return Schemas(published / "node_modules" / "@jambonz" / "schema")


async def ear(socket: ListenSocket) -> None:
    async for _ in socket:
        pass


async def ends(*script: dict[str, Any]) -> str:
    """Why the call ended that these verbs were for."""

    def application(request: HookRequest) -> Any:
        return list(script) if request.path == "/" else []

    listeners = dict.fromkeys(("https://example.org/x", "/x"), ear)
    async with call(application, listeners=listeners) as caller:
        await caller.advance(0.5)
        for callee in caller.dials:
            await callee.rings()
            await callee.answers()
        await caller.advance(2)
        for callee in caller.dials:
            callee.hangs_up()
        await caller.advance(2 if script[-2]["verb"] in {"listen", "stream"} else 70)
        caller.hangs_up()
    assert caller.ending is not None
    return str(caller.ending.cause)


def verbs_here() -> set[str]:
    return {model.model_fields["verb"].default for model in runners()}


async def test_a_verb_that_is_not_here_yet_is_an_alert_and_the_script_goes_on(schemas: Schemas) -> None:
    missing = [name for name in schemas.verbs if ALIASES.get(name, name) not in verbs_here()]

    for name in missing:
        script = [{"verb": name, **schemas.bodies(name)[0]}, {"verb": "say", "text": "after"}]

        async with call(lambda request, script=script: script) as caller:
            await caller.hears("after")

        (alert,) = caller.alerts
        assert alert[0] == "invalid-app-payload"
        assert alert[1].endswith("is not available on this server; it was skipped")


async def test_every_script_that_can_be_read_can_be_run(schemas: Schemas) -> None:
    run = 0
    for name in schemas.verbs:
        if ALIASES.get(name, name) not in verbs_here():
            continue
        before = [{"verb": "answer"}] if name in AFTER_THE_ANSWER else []
        for body in schemas.bodies(name):
            if "recognizer" in json.dumps(body) or any((name, key) in NOT_READ for key in body):
                continue  # hundreds of options of vendors
            verb = {"verb": name, **body}
            assert await ends(*before, verb, {"verb": "say", "text": "after"}) in ENDS, verb
            run += 1

    assert run > 600
