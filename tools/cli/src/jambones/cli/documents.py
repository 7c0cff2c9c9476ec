"""Files that describe things: YAML documents of kind, name and spec."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jambones.cli.kinds import BY_NAME, KINDS, Kind, comparable_name


class BadFile(Exception):
    """What is wrong with a file, and where."""


@dataclass(frozen=True)
class Document:
    kind: Kind
    name: str
    spec: dict[str, Any]
    place: str
    """File and number of the document, for messages."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Kind, what it lives in, name: no two documents may share it."""
        inside = str(self.spec.get(self.kind.within, "")) if self.kind.within else ""
        return self.kind.name, inside, comparable_name(self.kind, self.name)

    def __str__(self) -> str:
        return f"{self.kind.name} {self.name}"


def read(text: str, place: str) -> Iterator[Document]:
    """The documents of one file. Raises BadFile."""
    try:
        for number, value in enumerate(yaml.safe_load_all(text), 1):
            if value is not None:
                for item in value if isinstance(value, list) else [value]:
                    yield _document(item, f"{place}, document {number}")
    except yaml.YAMLError as exc:
        raise BadFile(f"{place}: not YAML: {exc}") from exc


def read_all(paths: list[Path], stdin: str = "") -> list[Document]:
    """The documents of all files ("-" is `stdin`) and of the *.yaml in folders, in the order of dependency."""
    found: list[Document] = []
    for path in paths:
        if str(path) == "-":
            found += read(stdin, "standard input")
            continue
        files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
        for file in files:
            try:
                found += read(file.read_text("utf-8"), str(file))
            except OSError as exc:
                raise BadFile(f"{file}: {exc.strerror}") from exc
            except UnicodeDecodeError as exc:
                raise BadFile(f"{file}: not UTF-8") from exc
    seen: dict[tuple[str, str, str], Document] = {}
    for document in found:
        if (other := seen.setdefault(document.identity, document)) is not document:
            raise BadFile(f"{document.place}: {document} is described in {other.place} too")
    order = {kind.name: number for number, kind in enumerate(KINDS)}
    return sorted(found, key=lambda document: order[document.kind.name])


def _document(value: Any, place: str) -> Document:
    if not isinstance(value, dict):
        raise BadFile(f"{place}: a mapping with kind, name and spec is wanted")
    kind = BY_NAME.get(str(value.get("kind", "")).lower())
    if kind is None:
        raise BadFile(f"{place}: unknown kind {value.get('kind')!r}; there are {', '.join(k.name for k in KINDS)}")
    name = value.get("name")
    if name is None or not str(name).strip():
        raise BadFile(f"{place}: {kind.name} without a name")
    spec = value.get("spec") or {}
    if not isinstance(spec, dict):
        raise BadFile(f"{place}: spec is not a mapping")
    if unknown := set(value) - {"kind", "name", "spec"}:
        raise BadFile(f"{place}: unknown member {', '.join(sorted(map(str, unknown)))}")
    if kind.within and not spec.get(kind.within):
        raise BadFile(f"{place}: spec.{kind.within} is missing")
    return Document(kind, str(name), spec, place)
