"""From files to steps, without an API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jambones.cli.apply import Failed, apply
from jambones.cli.client import ApiError
from jambones.cli.documents import BadFile, Document, read, read_all
from jambones.cli.kinds import same
from jambones.cli.plan import Inventory, plan

FILE = """
kind: number
name: "+15550001"
spec: {carrier: acme, application: greeting}
---
kind: gateway
name: 192.0.2.1
spec: {carrier: acme, inbound: true}
---
kind: carrier
name: acme
spec: {register_password: secret}
---
kind: application
name: greeting
spec:
  call_hook: {url: https://example.com/call}
"""


class Api:
    """Keeps things in lists, as the API shows them."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.refuse = ""

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        rows = self.lists.get(path, [])
        return [row for row in rows if all(row.get(name) == value for name, value in (query or {}).items())]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        self.asked.append((method, path, body))
        if path == self.refuse:
            raise ApiError(422, "taken")
        keys = {
            "/Applications": "application_sid", "/VoipCarriers": "voip_carrier_sid",
            "/SipGateways": "sip_gateway_sid", "/PhoneNumbers": "phone_number_sid",
        }  # fmt: skip
        if method == "POST":
            sid = f"sid-{len(self.asked)}"
            row = {**body, keys[path]: sid}
            if path == "/PhoneNumbers":
                row["number"] = row["number"].removeprefix("+")
            if "register_password" in row:
                row["register_password"] = "sXXXXX"
            self.lists.setdefault(path, []).append(row)
            return {"sid": sid}
        return None


def documents(text: str = FILE) -> list[Document]:
    return read_all([Path("-")], text)


def test_what_others_refer_to_comes_first_and_its_sid_is_filled_in() -> None:
    api = Api()
    done = list(apply(plan(documents(), Inventory(api)), api))

    assert [step.document.kind.name for step in done] == ["application", "carrier", "gateway", "number"]
    assert api.asked[2][2]["voip_carrier_sid"] == done[1].sid
    assert api.asked[3][2] == {"number": "+15550001", "voip_carrier_sid": done[1].sid, "application_sid": done[0].sid}


def test_what_was_applied_needs_nothing_more() -> None:
    api = Api()
    list(apply(plan(documents(), Inventory(api)), api))

    assert {step.action for step in plan(documents(), Inventory(api))} == {"none"}


def test_only_what_differs_is_sent() -> None:
    api = Api()
    list(apply(plan(documents(), Inventory(api)), api))
    changed = documents(FILE.replace("inbound: true", "inbound: false, port: null"))

    (step,) = [step for step in plan(changed, Inventory(api)) if step.action != "none"]

    assert (step.action, step.body, step.changes) == ("update", {"inbound": False}, {"inbound": (True, False)})


def test_a_refused_step_ends_it_and_says_which() -> None:
    api = Api()
    api.refuse = "/SipGateways"
    done = []
    with pytest.raises(Failed, match=r"gateway 192.0.2.1: taken"):
        done += apply(plan(documents(), Inventory(api)), api)
    assert [path for _, path, _ in api.asked] == ["/Applications", "/VoipCarriers", "/SipGateways"]


def test_a_reference_that_leads_nowhere_names_itself() -> None:
    with pytest.raises(BadFile, match="number 1 refers to carrier acme, which is neither there nor described"):
        plan(documents("{kind: number, name: 1, spec: {carrier: acme}}"), Inventory(Api()))


def test_a_name_that_several_have_is_refused() -> None:
    api = Api()
    api.lists["/Applications"] = [{"name": "x", "application_sid": "1"}, {"name": "x", "application_sid": "2"}]
    with pytest.raises(BadFile, match="not the only one"):
        plan(documents("{kind: application, name: x}"), Inventory(api))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: [", "not YAML"),
        ("hello", "a mapping"),
        ("{kind: pigeon, name: x}", "unknown kind 'pigeon'"),
        ("{kind: application}", "without a name"),
        ("{kind: application, name: x, spec: 1}", "spec is not a mapping"),
        ("{kind: application, name: x, spce: {}}", "unknown member spce"),
        ("{kind: gateway, name: 192.0.2.1}", "spec.carrier is missing"),
        ("[{kind: client, name: a}, {kind: client, name: a}]", "described in"),
        ("!!python/object/apply:os.system [ls]", "not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        documents(text)


def test_documents_say_where_they_are() -> None:
    assert [document.place for document in read(FILE, "a.yaml")][1] == "a.yaml, document 2"


@pytest.mark.parametrize(
    ("wanted", "actual", "equal"),
    [
        (True, 1, True), (False, None, True), (True, 0, False), ("a", "a", True), (5060, "5060", True),
        (None, "", True), ({"url": "x"}, {"url": "x", "method": "POST"}, True), ({"url": "x"}, None, False),
        ("secret", "sXXXXX", True), ("secret", "tXXXXX", False), ("secret", "sXXXX", False), ("XX", "XX", True),
        ([1, 2], [1, 2], True), ([1], [2], False),
    ],
)  # fmt: skip
def test_values_are_compared_as_the_api_shows_them(wanted: Any, actual: Any, equal: bool) -> None:
    assert same(wanted, actual) is equal
