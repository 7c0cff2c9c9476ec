"""From what files want and what is there to the steps between them. Asks the API, changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from jambones.cli.documents import BadFile, Document
from jambones.cli.kinds import BY_NAME, Kind, comparable_name, same

Action = Literal["create", "update", "none"]


class Reader(Protocol):
    """The API, as far as a plan needs it."""

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any: ...


@dataclass(frozen=True)
class Reference:
    """A thing that an earlier step makes: its sid is not known yet."""

    document: Document


@dataclass
class Step:
    """What is to be done for one document. `body` may hold References."""

    action: Action
    document: Document
    sid: str | None = None
    body: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Member → what it is, what it shall be."""

    def shown(self) -> dict[str, Any]:
        """As JSON; nothing of a secret that is already there."""
        changes = {name: {"before": before, "after": _plain(after)} for name, (before, after) in self.changes.items()}
        kind, name = self.document.kind.name, self.document.name
        return {"action": self.action, "kind": kind, "name": name, "sid": self.sid, "changes": changes}


class Inventory:
    """What is there, each list read once."""

    def __init__(self, api: Reader) -> None:
        self._api = api
        self._lists: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def all(self, kind: Kind, inside: str = "") -> list[dict[str, Any]]:
        """Everything of a kind that the token sees; `inside` is the sid of what it lives in."""
        key = (kind.name, inside)
        if key not in self._lists:
            query = {BY_NAME[kind.within].key: inside} if kind.within and inside else None
            found = self._api.get(kind.path, query)
            self._lists[key] = found if isinstance(found, list) else found["data"]
        return self._lists[key]

    def find(self, kind: Kind, name: str, inside: str = "", **equals: Any) -> dict[str, Any] | None:
        """The thing of this name or sid. Raises BadFile when several have it."""
        wanted = comparable_name(kind, name)
        rows = [row for row in self.all(kind, inside) if wanted in (row.get(kind.called), row.get(kind.key))]
        rows = [row for row in rows if all(same(value, row.get(member)) for member, value in equals.items())]
        if len(rows) > 1:
            sids = ", ".join(str(row[kind.key]) for row in rows)
            raise BadFile(f"{kind.name} {name} is not the only one of its name: {sids}")
        return rows[0] if rows else None


def plan(documents: list[Document], inventory: Inventory) -> list[Step]:
    """The steps in order, those that change nothing too. Raises BadFile for references that lead nowhere."""
    coming = {document.identity: document for document in documents}
    return [_step(document, inventory, coming) for document in documents]


def _step(document: Document, inventory: Inventory, coming: Mapping[tuple[str, str, str], Document]) -> Step:
    kind = document.kind
    body: dict[str, Any] = {kind.called: document.name}
    for member, value in document.spec.items():
        if member in kind.references and value is not None:
            body[kind.references[member]] = _referred(document, member, str(value), inventory, coming)
        else:
            body[member] = value
    actual = None
    inside = body[kind.references[kind.within]] if kind.within else ""
    # Names are unique within an account, and a number within its trunk; a port tells gateways of one address apart.
    telling = [name for name in ("account_sid", "voip_carrier_sid", "port") if name in body]
    if not any(isinstance(value, Reference) for value in body.values() if value is not None):
        equals = {name: body[name] for name in telling}
        actual = inventory.find(kind, document.name, inside, **equals)
    elif not isinstance(inside, Reference) and not any(isinstance(body[name], Reference) for name in telling):
        actual = inventory.find(kind, document.name, inside, **{name: body[name] for name in telling})
    if actual is None:
        return Step("create", document, None, body, {name: (None, value) for name, value in body.items()})
    changes = {
        name: (actual.get(name), value)
        for name, value in body.items()
        if name != kind.called and (isinstance(value, Reference) or not same(value, actual.get(name)))
    }
    sid = str(actual[kind.key])
    return Step("update" if changes else "none", document, sid, {name: body[name] for name in changes}, changes)


def _referred(
    document: Document,
    member: str,
    name: str,
    inventory: Inventory,
    coming: Mapping[tuple[str, str, str], Document],
) -> "str | Reference":
    kind = BY_NAME[member]
    found = inventory.find(kind, name)
    if found is not None:
        return str(found[kind.key])
    other = coming.get((kind.name, "", comparable_name(kind, name)))
    if other is None:
        raise BadFile(
            f"{document.place}: {document} refers to {kind.name} {name}, which is neither there nor described"
        )
    return Reference(other)


def _plain(value: Any) -> Any:
    return f"<sid of {value.document}>" if isinstance(value, Reference) else value
