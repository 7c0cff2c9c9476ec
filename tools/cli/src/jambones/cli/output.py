"""What commands print: tables and lines for eyes, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

MARKS = {"create": "+", "update": "~", "none": "="}
VERDICTS = {"matched": "✓", "passed": "·", "missed": "–", "refused": "✗"}


def as_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Columns as wide as what is in them."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max([len(column), *[len(line[n]) for line in cells]]) for n, column in enumerate(columns)]
    for line in [[column.upper() for column in columns], *cells]:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def step(shown: Mapping[str, Any], *, verbose: bool) -> None:
    """One step of a plan, with its changes."""
    typer.echo(f"{MARKS[shown['action']]} {shown['kind']} {shown['name']}")
    if verbose and shown["action"] != "none":
        for name, change in shown["changes"].items():
            before, after = _cell(change["before"]), _cell(change["after"])
            typer.echo(f"    {name}: {f'{before} → ' if shown['action'] == 'update' else ''}{after}")


def explanation(answer: Mapping[str, Any]) -> None:
    """A dry run of routing."""
    asked = answer["asked"]
    if asked.get("assumed"):
        typer.echo(f"from {asked['source']} ({asked['assumed']})")
    for rule in answer["rules"]:
        typer.echo(f"  {VERDICTS.get(rule['verdict'], '?')} {rule['name']}: {rule['detail'] or rule['verdict']}")
    for name in ("account_sid", "application", "carrier", "feature_server"):
        if answer.get(name):
            typer.echo(f"{name.replace('_', ' ')}: {answer[name]}")
    for gateway in answer.get("gateways", ()):
        typer.echo(f"gateway: {gateway['carrier']} {gateway['address']} {gateway['detail']}".rstrip())
    for limit in answer.get("limits", ()):
        most = "no limit" if limit["limit"] is None else f"of {limit['limit']}"
        typer.echo(f"calls of the {limit['scope']}: {limit['calls']} {most}")
    status = f" {answer['status']}" if answer.get("status") else ""
    typer.echo(f"{answer['verdict']}{status}{': ' if answer['reason'] else ''}{answer['reason']}")


def event(kind: str, data: Mapping[str, Any]) -> None:
    """One event of a call, on a line."""
    names = ("call_sid", "direction", "from", "to", "sip_status", "sip_reason", "ended_by", "cause", "count", "reason")
    words = [f"{name}={data[name]}" for name in names if data.get(name) not in (None, "")]
    typer.echo(f"{kind:9} {' '.join(words)}")


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("url") or json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value).replace("\n", " ")[:80]
