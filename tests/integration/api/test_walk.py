"""Each resource through its whole life, as the SDK walks it: create, read, update, read, list, delete, gone."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.api.conftest import World
from tests.support.tenants import HOOKS, PASSWORD, Belongings, belongings


@dataclass(frozen=True)
class Walk:
    """`{name}` in paths and queries is a sid of the tenant's. `shown`: what an update shows when it differs."""

    path: str
    key: str
    body: dict[str, Any]
    change: dict[str, Any]
    shown: dict[str, Any] | None = None
    listed: str | None = None
    query: dict[str, str] | None = None
    created: str = "sid"
    by: str = "account"
    single: bool = True
    """There is a GET of one."""

    def __str__(self) -> str:
        return self.path.rpartition("/")[2]


WALKS = (
    Walk("/ServiceProviders", "service_provider_sid", {"name": "new"}, {"description": "x"}, by="admin"),
    Walk("/Accounts", "account_sid", {"name": "new"}, {"disable_cdrs": True, "name": "y"},
         {"disable_cdrs": 1, "name": "y"}, by="provider"),
    Walk("/Applications", "application_sid", {"name": "new", **HOOKS}, {"record_all_calls": True},
         {"record_all_calls": 1}),
    Walk("/VoipCarriers", "voip_carrier_sid", {"name": "new"}, {"tech_prefix": "99", "is_active": "0"},
         {"tech_prefix": "99", "is_active": 0}),
    Walk("/SipGateways", "sip_gateway_sid", {"voip_carrier_sid": "{voip_carrier_sid}", "ipv4": "10.0.0.1"},
         {"port": "5080", "protocol": "TCP"}, {"port": 5080, "protocol": "tcp"},
         query={"voip_carrier_sid": "{voip_carrier_sid}"}),
    Walk("/PhoneNumbers", "phone_number_sid", {"number": "4711", "voip_carrier_sid": "{voip_carrier_sid}"},
         {"application_sid": "{application_sid}"}),
    Walk("/Clients", "client_sid", {"username": "new", "password": "12345"}, {"password": "67890"},
         {"password": "6XXXX"}),
    Walk("/LcrRoutes", "lcr_route_sid", {"lcr_sid": "{lcr_sid}", "regex": "49", "priority": 5}, {"priority": 6},
         query={"lcr_sid": "{lcr_sid}"}),
    Walk("/LcrCarrierSetEntries", "lcr_carrier_set_entry_sid",
         {"lcr_route_sid": "{lcr_route_sid}", "voip_carrier_sid": "{voip_carrier_sid}"}, {"workload": 5},
         query={"lcr_route_sid": "{lcr_route_sid}"}),
    Walk("/Users", "user_sid", {"name": "new", "email": "new@example.com", "initial_password": PASSWORD},
         {"name": "newer", "is_active": 0}, created="user_sid"),
    Walk("/Accounts/{account_sid}/SpeechCredentials", "speech_credential_sid",
         {"vendor": "elevenlabs", "api_key": "0123456789", "model_id": "m", "label": "new"},
         {"use_for_tts": False, "model_id": "n"}, {"use_for_tts": 0, "model_id": "n", "api_key": "012345XXXX"}),
    Walk("/ServiceProviders/{service_provider_sid}/SpeechCredentials", "speech_credential_sid",
         {"vendor": "deepgram", "api_key": "0123456789"}, {"use_for_stt": False}, {"use_for_stt": 0}, by="provider"),
    Walk("/ApiKeys", "api_key_sid", {"account_sid": "{account_sid}"}, {}, listed="/Accounts/{account_sid}/ApiKeys",
         single=False),
    Walk("/Sbcs", "sbc_address_sid", {"ipv4": "192.0.2.99", "port": 5060}, {}, by="admin", single=False),
)  # fmt: skip


def filled(value: Any, ours: Belongings) -> Any:
    if isinstance(value, dict):
        return {name: filled(inner, ours) for name, inner in value.items()}
    return value.format(**ours.sids) if isinstance(value, str) else value


@pytest.mark.parametrize("walk", WALKS, ids=str)
async def test_a_resource_is_made_read_changed_listed_and_deleted(world: World, walk: Walk) -> None:
    ours = await belongings(world, "ours")
    client = {"account": ours.tenant, "provider": ours.owner, "admin": world.admin}[walk.by]
    path, query = filled(walk.path, ours), filled(walk.query or {}, ours)
    listed = filled(walk.listed or walk.path, ours)
    before = (await client.get(listed, **query)).body
    made = await client.post(path, filled(walk.body, ours))
    assert made.status == 201
    assert made.headers["Content-Type"].startswith("application/json")
    sid = made.body[walk.created]

    rows = (await client.get(listed, **query)).body
    assert len(rows) == len(before) + 1
    (row,) = [row for row in rows if row[walk.key] == sid]
    if walk.single:
        item = (await client.get(f"{path}/{sid}")).body
        same = (set(row) & set(item)) - ({"scope"} if walk.path == "/Users" else set())
        assert {name: row[name] for name in same} == {name: item[name] for name in same}
        assert walk.path == "/Users" or set(row) == set(item)
        assert (await client.put(f"{path}/{sid}", filled(walk.change, ours))).status == 204
        now = (await client.get(f"{path}/{sid}")).body
        expected = filled(walk.shown or walk.change, ours)
        assert {name: now[name] for name in expected} == expected
        assert {name: value for name, value in now.items() if name not in expected} == {
            name: value for name, value in item.items() if name not in expected
        }
        again = await client.put(f"{path}/{sid}", {walk.key: sid, **filled(walk.change, ours)})
        assert "SpeechCredentials" in path or (again.status, again.msg) == (400, f"primary key {walk.key} is immutable")

    deleted = await client.delete(f"{path}/{sid}")
    assert (deleted.status, deleted.body) == (204, "")
    assert (await client.get(listed, **query)).body == before
    if walk.single:
        gone = (await client.get(f"{path}/{sid}")).status
        assert gone == (403 if walk.path == "/Accounts" else 404)  # nobody is told whose an account may have been
    assert (await client.delete(f"{path}/{sid}")).status in (400, 403, 404)
