"""The commands.

Exit codes: 0 done; 1 the API refused or did not answer; 2 wrong usage, or an unusable file; 3 the answer is no
(`diff` found differences, `explain` that the call would not be accepted).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from jambones.cli import config, output
from jambones.cli.apply import Failed, apply
from jambones.cli.client import ApiError, Client
from jambones.cli.config import Profile
from jambones.cli.documents import BadFile, read_all
from jambones.cli.kinds import BY_NAME, KINDS, Kind
from jambones.cli.plan import Inventory, Step, plan

REFUSED, USAGE, NO = 1, 2, 3
app = typer.Typer(
    name="jambones", help="jambones from a terminal.", no_args_is_help=True, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _kinds(incomplete: str) -> list[str]:
    return [kind.plural for kind in KINDS if kind.plural.startswith(incomplete)]


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KindName = Annotated[str, typer.Argument(help="applications, numbers, …", autocompletion=_kinds)]
Files = Annotated[list[Path], typer.Option("--file", "-f", help="A YAML file, a folder of them, or - for stdin.")]
Owner = Annotated[str | None, typer.Option("--account", help="Name or sid; needed when the token sees several.")]


@app.command()
def login(
    url: Annotated[str, typer.Option(help="Where the API is, with /v1.")] = config.DEFAULT_URL,
    token: Annotated[str | None, typer.Option(help="An API key; left out: asked for.")] = None,
    user: Annotated[str | None, typer.Option(help="Log in as this user instead; asks for the password.")] = None,
) -> None:
    """Remember where the API is and a token for it, after trying it."""
    with _told():
        if user is not None:
            password = typer.prompt("Password", hide_input=True)
            answer = Client(Profile(url)).ask("POST", "/login", {"username": user, "password": password})
            token = str(answer["token"])
        elif token is None:
            token = typer.prompt("API key", hide_input=True)
        profile = Profile(url, token)
        accounts = Client(profile).get("/Accounts")
        where = config.save(profile)
    typer.echo(f"logged in to {url} ({len(accounts)} accounts), remembered in {where}")


@app.command()
def logout() -> None:
    """Forget the token."""
    typer.echo("forgotten" if config.forget() else "nothing was remembered")


@app.command("list")
def list_(
    kind: KindName, carrier: Annotated[str | None, typer.Option(help="For gateways.")] = None, json: Json = False
) -> None:
    """List things of a kind."""
    with _told():
        wanted = _kind(kind)
        inventory = Inventory(_client())
        rows: list[dict[str, Any]] = []
        if wanted.within:
            holder = BY_NAME[wanted.within]
            holders = inventory.all(holder)
            if carrier is not None:
                found = inventory.find(holder, carrier)
                holders = [found] if found is not None else []
            for one in holders:
                rows += inventory.all(wanted, str(one[holder.key]))
        else:
            rows = inventory.all(wanted)
        if json:
            output.as_json(rows)
        else:
            output.table(rows, (wanted.called, wanted.key, *wanted.columns))


@app.command("apply")
def apply_(
    file: Files,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    json: Json = False,
) -> None:
    """Make what files describe, or change what differs. Done again, it does nothing."""
    with _told():
        client = _client()
        steps = _plan(file, client)
        done: list[dict[str, Any]] = []
        try:
            for step in steps if dry_run else apply(steps, client):
                done.append(step.shown())
                if not json:
                    output.step(done[-1], verbose=False)
        finally:
            if json:
                output.as_json(done)
        if not json:
            counts = {action: sum(step["action"] == action for step in done) for action in ("create", "update", "none")}
            words = f"{counts['create']} made, {counts['update']} changed, {counts['none']} as they were"
            typer.echo(f"{'would be: ' if dry_run else ''}{words}")


@app.command()
def diff(file: Files, json: Json = False) -> None:
    """Say how files differ from what is there; exit code 3 when they do."""
    with _told():
        steps = [step.shown() for step in _plan(file, _client()) if step.action != "none"]
        if json:
            output.as_json(steps)
        for step in steps if not json else ():
            output.step(step, verbose=True)
    if steps:
        raise typer.Exit(NO)


@app.command()
def explain(
    number: Annotated[str | None, typer.Argument(help="The dialled number of a call that comes in.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="Its source address, with or without a port.")] = None,
    transport: Annotated[str | None, typer.Option(help="udp, tcp, tls, ws or wss.")] = None,
    host: Annotated[str | None, typer.Option(help="The host of its Request-URI.")] = None,
    to: Annotated[str | None, typer.Option(help="Instead: the target of a call that goes out.")] = None,
    caller: Annotated[str | None, typer.Option(help="Its caller.")] = None,
    trunk: Annotated[str | None, typer.Option(help="The carrier it names.")] = None,
    account: Owner = None,
    json: Json = False,
) -> None:
    """Say where a call would go, and each rule that was looked at; exit code 3 when it would not be accepted."""
    with _told():
        client = _client()
        path = "/explain" if account is None else f"/Accounts/{_account(client, account)}/explain"
        query = {
            "number": number, "source": source, "transport": transport, "host": host, "target": to, "caller": caller,
            "trunk": trunk,
        }  # fmt: skip
        answer = client.get(path, query)
        if json:
            output.as_json(answer)
        else:
            output.explanation(answer)
    if answer["verdict"] not in ("accepted", "authenticate"):
        raise typer.Exit(NO)


@app.command()
def tail(
    account: Owner = None,
    seconds: Annotated[int | None, typer.Option(help="End after so long.")] = None,
    json: Json = False,
) -> None:
    """Follow the events of an account's calls until interrupted."""
    with _told():
        client = _client()
        path = f"/Accounts/{_account(client, account)}/Events"
        try:
            for kind, data in client.events(path, {"seconds": seconds}):
                if json:
                    typer.echo(_line({"event": kind, **data}))
                elif kind != "end" or seconds is None:
                    output.event(kind, data)
                sys.stdout.flush()
        except KeyboardInterrupt:
            return


@app.command()
def call(
    to: Annotated[str, typer.Argument(help="A number, user@realm or SIP URI.")],
    from_: Annotated[str, typer.Option("--from", help="The caller shown.")],
    application: Annotated[str | None, typer.Option(help="Name or sid of the application that runs it.")] = None,
    hook: Annotated[str | None, typer.Option(help="Instead: the URL that is asked what to do.")] = None,
    account: Owner = None,
    json: Json = False,
) -> None:
    """Place a call."""
    with _told():
        if (application is None) == (hook is None):
            raise BadFile("either --application or --hook is needed")
        client = _client()
        body: dict[str, Any] = {"from": from_, "to": _target(to)}
        if application is not None:
            found = Inventory(client).find(BY_NAME["application"], application)
            if found is None:
                raise BadFile(f"no application {application}")
            body["application_sid"] = found["application_sid"]
        else:
            body["call_hook"] = {"url": hook}
            body["call_status_hook"] = {"url": hook}
        answer = client.ask("POST", f"/Accounts/{_account(client, account)}/Calls", body)
        if json:
            output.as_json(answer)
        else:
            typer.echo(answer["sid"])


def main() -> None:
    """The entry point of the command `jambones`."""
    app()


@contextmanager
def _told() -> Iterator[None]:
    """Turns what went wrong into a line on stderr and an exit code."""
    try:
        yield
    except (ApiError, Failed) as exc:
        typer.echo(f"jambones: {exc}", err=True)
        raise typer.Exit(REFUSED) from exc
    except (BadFile, ValueError) as exc:
        typer.echo(f"jambones: {exc}", err=True)
        raise typer.Exit(USAGE) from exc


def _client() -> Client:
    return Client(config.load())


def _kind(name: str) -> Kind:
    kind = BY_NAME.get(name.lower().replace("-", "_"))
    if kind is None:
        raise BadFile(f"unknown kind {name}; there are {', '.join(kind.plural for kind in KINDS)}")
    return kind


def _plan(files: list[Path], client: Client) -> list[Step]:
    stdin = sys.stdin.read() if Path("-") in files else ""
    return plan(read_all(files, stdin), Inventory(client))


def _account(client: Client, wanted: str | None) -> str:
    """The sid of the account that is meant."""
    inventory, kind = Inventory(client), BY_NAME["account"]
    if wanted is not None:
        found = inventory.find(kind, wanted)
        if found is None:
            raise BadFile(f"no account {wanted}")
        return str(found["account_sid"])
    accounts = inventory.all(kind)
    if len(accounts) != 1:
        raise BadFile(f"the token sees {len(accounts)} accounts: say which with --account")
    return str(accounts[0]["account_sid"])


def _target(text: str) -> dict[str, str]:
    if text.startswith(("sip:", "sips:")):
        return {"type": "sip", "sipUri": text}
    return {"type": "user", "name": text} if "@" in text else {"type": "phone", "number": text}


def _line(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
