"""The command against an API that runs as a process."""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner, Result

from jambones.cli import config
from jambones.cli.main import app
from jambones.common.bus import Bus
from jambones.common.bus.calls import CallAnswered, CallStarted
from jambones.common.bus.control import CallCreated, CreateCall
from jambones.common.bus.explain import ExplainInbound, Explanation, RuleSeen
from jambones.common.bus.nodes import Heartbeat, Node
from jambones.common.db.database import Database
from jambones.common.db.seed import Seeded, seed
from jambones.common.ids import AccountSid, CallSid, NodeId, new_sid
from jambones.common.private import Private
from jambones.common.secrets import KeyRing
from jambones.local.ports import free_port
from jambones.local.servers import tied

FILE = """
- kind: number
  name: "+15557000"
  spec: {carrier: acme, application: welcome}
- kind: carrier
  name: acme
  spec: {register_username: ann, register_password: open-sesame, requires_register: true,
         register_sip_realm: sip.example.com}
- kind: gateway
  name: 192.0.2.9
  spec: {carrier: acme, inbound: true, outbound: true, port: 5060}
- kind: application
  name: welcome
  spec:
    call_hook: {url: https://example.com/call, method: POST}
    call_status_hook: {url: https://example.com/status}
- kind: client
  name: phone
  spec: {password: a-long-password}
"""


@dataclass
class Terminal:
    seeded: Seeded
    url: str
    bus: Bus

    async def run(self, *words: str, stdin: str = "") -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, list(words), input=stdin)

    async def json(self, *words: str, code: int = 0, stdin: str = "") -> Any:
        result = await self.run(*words, "--json", stdin=stdin)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)


@pytest.fixture
async def terminal(
    database_dsn: str, nats_url: str, bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Terminal]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    keys, port = KeyRing.generate(), free_port()
    async with Database.open(database_dsn, keys=KeyRing.parse(keys)) as db:
        seeded = await seed(db)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JAMBONES_")}
    settings = {
        "JAMBONES_DB_DSN": database_dsn, "JAMBONES_NATS_URLS": nats_url, "JAMBONES_HTTP_PORT": str(port),
        "JAMBONES_ENCRYPTION_KEYS": keys, "JAMBONES_SPOOL_DIR": str(tmp_path), "JAMBONES_LOG_LEVEL": "warning",
    }  # fmt: skip
    command = tied([sys.executable, "-m", "jambones.api"], signal.SIGKILL)
    process = await asyncio.create_subprocess_exec(*command, env=clean | settings)
    try:
        async with asyncio.timeout(50), aiohttp.ClientSession() as session:
            while not await _ready(session, f"http://127.0.0.1:{port}/readyz"):
                await asyncio.sleep(0.1)
        terminal = Terminal(seeded, f"http://127.0.0.1:{port}/v1", bus)
        result = await terminal.run("login", "--url", terminal.url, "--token", seeded.account_key)
        assert result.exit_code == 0, result.output
        yield terminal
    finally:
        process.terminate()
        await process.wait()


async def _ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as reply:
            return reply.status == 200
    except aiohttp.ClientError:
        return False


async def test_login_tries_the_token_and_keeps_it_to_its_owner(terminal: Terminal) -> None:
    assert stat.S_IMODE(config.path().stat().st_mode) == 0o600
    assert config.load().token == terminal.seeded.account_key

    refused = await terminal.run("login", "--url", terminal.url, "--token", "wrong")
    assert (refused.exit_code, "Unauthorized" in refused.stderr) == (1, True)
    assert config.load().token == terminal.seeded.account_key
    asked = await terminal.run("login", "--url", terminal.url, stdin=f"{terminal.seeded.account_key}\n")
    assert asked.exit_code == 0
    away = await terminal.run("login", "--url", "http://127.0.0.1:9/v1", "--token", "x")
    assert (away.exit_code, "no answer" in away.stderr) == (1, True)


async def test_apply_makes_what_files_describe_and_then_nothing(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(FILE)

    assert len(await terminal.json("diff", "-f", str(file), code=3)) == 5
    dry = await terminal.json("apply", "-f", str(file), "--dry-run")
    assert [step["action"] for step in dry] == ["create"] * 5
    assert not [row for row in await terminal.json("list", "carriers") if row["name"] == "acme"]

    done = await terminal.json("apply", "-f", str(file))
    assert [step["kind"] for step in done] == ["application", "carrier", "gateway", "number", "client"]
    assert await terminal.json("diff", "-f", str(file)) == []
    again = await terminal.json("apply", "-f", str(file))
    assert {step["action"] for step in again} == {"none"}
    assert [step["sid"] for step in again] == [step["sid"] for step in done]

    file.write_text(FILE.replace("https://example.com/call,", "https://example.com/other,"))
    (change,) = await terminal.json("diff", "-f", str(file), code=3)
    assert list(change["changes"]) == ["call_hook"]
    result = await terminal.run("apply", "-f", str(file))
    assert "0 made, 1 changed, 4 as they were" in result.output
    (application,) = [row for row in await terminal.json("list", "applications") if row["name"] == "welcome"]
    assert application["call_hook"]["url"] == "https://example.com/other"
    table = await terminal.run("list", "gateways", "--carrier", "acme")
    assert "192.0.2.9" in table.output
    piped = await terminal.json("apply", "-f", "-", stdin=FILE)
    assert [step["action"] for step in piped].count("update") == 1


async def test_what_cannot_be_done_has_its_exit_code(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("{kind: application, name: x, spec: {call_hook: {url: nonsense}, call_status_hook: {url: x}}}")
    refused = await terminal.run("apply", "-f", str(file))
    assert (refused.exit_code, "application x" in refused.stderr) == (1, True)
    assert (await terminal.run("apply", "-f", str(tmp_path / "none.yaml"))).exit_code == 2
    assert (await terminal.run("list", "pigeons")).exit_code == 2
    assert (await terminal.run("call", "+1555")).exit_code == 2


async def test_explain_tells_the_rules_and_whether_the_call_would_be_taken(terminal: Terminal) -> None:
    asked: list[ExplainInbound] = []

    async def answer(question: ExplainInbound) -> Explanation:
        asked.append(question)
        rules = (RuleSeen(name="source address", verdict="missed", detail="no inbound gateway has 192.0.2.1"),)
        return Explanation(verdict="refused", status=404, reason="unknown", rules=rules)

    assert (await terminal.run("explain", "+15551234", "--from", "192.0.2.1")).exit_code == 1  # no edge
    async with terminal.bus.serve(ExplainInbound, answer, queue="sbc-inbound"):
        result = await terminal.run("explain", "+15551234", "--from", "192.0.2.1")
        shown = await terminal.json("explain", "+15551234", "--from", "192.0.2.1:5070", code=3)
    assert result.exit_code == 3
    assert "source address: no inbound gateway has 192.0.2.1" in result.output
    assert "refused 404: unknown" in result.output
    assert shown["asked"]["source"] == "192.0.2.1:5070"
    assert asked[0].viewer_account_sid == terminal.seeded.account_sid
    assert asked[0].number == Private("+15551234")


async def test_tail_follows_the_calls_of_the_account(terminal: Terminal) -> None:
    following = asyncio.create_task(terminal.run("tail", "--seconds", "4", "--json"))
    account, call = AccountSid(terminal.seeded.account_sid), CallSid(new_sid())
    started = CallStarted(
        account_sid=account, call_sid=call, direction="inbound", from_=Private("+15550001"), to=Private("+15550002"),
        sip_call_id="x",
    )  # fmt: skip
    while not following.done():
        await terminal.bus.publish(started)
        await terminal.bus.publish(CallAnswered(account_sid=account, call_sid=call))
        await asyncio.sleep(0.3)
    result = await following
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["event"] for line in lines} == {"started", "answered", "end"}
    assert next(line for line in lines if line["event"] == "started")["from"] == "+15550001"


async def test_call_places_a_call(terminal: Terminal) -> None:
    created: list[CreateCall] = []
    node = Node(kind="fs", id=NodeId(new_sid()), sip="udp:127.0.0.1:9")

    async def answer(question: CreateCall) -> CallCreated:
        created.append(question)
        return CallCreated(call_sid=CallSid("9351f46a-678c-43f5-b8a6-d4eb58d131af"), sip_call_id="x")

    (application, *_) = await terminal.json("list", "applications")
    async with (
        Heartbeat.beating(terminal.bus, node),
        terminal.bus.serve(CreateCall, answer, node_id=node.id),
    ):
        async with asyncio.timeout(30):
            while True:
                words = ("call", "+15550009", "--from", "+15550001", "--application", application["name"])
                result = await terminal.run(*words)
                if result.exit_code == 0:
                    break
                await asyncio.sleep(0.2)  # the heartbeat is on its way
    assert result.stdout.strip() == "9351f46a-678c-43f5-b8a6-d4eb58d131af"
    assert created[0].call["to"] == {"type": "phone", "number": "+15550009"}


def test_the_shell_can_complete_kinds() -> None:
    environment = {"_JAMBONES_COMPLETE": "complete_bash", "COMP_WORDS": "jambones list ap", "COMP_CWORD": "2"}
    result = CliRunner().invoke(app, [], env=environment, prog_name="jambones")
    assert "applications" in result.output
