"""The ingress filter as the endpoint asks it: whole messages in, verdicts out."""

from types import SimpleNamespace
from typing import Any

import pytest

from jambones.common.metrics import Metrics
from jambones.sbc.figures import Figures
from jambones.sbc_inbound.ingress import Ingress
from jambones.sbc_inbound.settings import EdgeSettings
from jambones.sip.message import Request
from jambones.sip.transport import Address
from tests.support.edge import SOURCE, TABLES
from tests.support.sip_messages import request
from tests.support.virtual_time import in_virtual_time

GATEWAY, STRANGER = Address("udp", SOURCE, 5060), Address("udp", "203.0.113.9", 5060)


class Learnt:
    """Addresses that trunks were learnt from: none."""

    def of(self, address: str) -> tuple[str, ...]:
        return ()


def ingress(*, draining: bool = False, lag: float = 0.0, **settings: Any) -> Ingress:
    service: Any = SimpleNamespace(lag=SimpleNamespace(lasting=lag), draining=draining)
    directory: Any = SimpleNamespace(tables=TABLES)
    learnt: Any = Learnt()
    return Ingress(EdgeSettings.load({}, **settings), directory, Figures(Metrics(process=False)), service, learnt)


def status(verdict: Any) -> int:
    assert not isinstance(verdict, str)
    return int(verdict[0])


@in_virtual_time
async def test_calls_of_gateways_and_strangers_are_let_on_by_default() -> None:
    assert ingress().filter(request(), GATEWAY) == "accept"
    assert ingress().filter(request(), STRANGER) == "accept"


@in_virtual_time
async def test_strangers_get_no_answer_where_that_is_wanted_but_known_realms_do() -> None:
    quiet = ingress(unknown_sources="drop")

    assert quiet.filter(request(), STRANGER) == "drop"
    assert quiet.filter(request(), GATEWAY) == "accept"
    assert quiet.filter(request(uri="sip:1000@acc.example.com"), STRANGER) == "accept"
    assert quiet.filter(request("REGISTER", "sip:acc.example.com"), STRANGER) == "accept"
    assert quiet.filter(request("REGISTER", "sip:else.example.com"), STRANGER) == "drop"
    assert quiet.filter(request(to_tag="us"), STRANGER) == "accept"  # its dialog decides


@in_virtual_time
async def test_who_would_take_over_a_call_of_ours_may_ask_from_anywhere() -> None:
    quiet = ingress(unknown_sources="drop")
    quiet.replaces = lambda request: request.headers.get("Replaces") == "ours"

    assert quiet.filter(request(headers=[("Replaces", "ours")]), STRANGER) == "accept"
    assert quiet.filter(request(headers=[("Replaces", "made up")]), STRANGER) == "drop"


@in_virtual_time
async def test_a_dialog_that_a_stranger_made_up_gets_no_answer_either_and_costs_it_like_a_new_call() -> None:
    quiet, open_ = ingress(unknown_sources="drop"), ingress(source_rate=1, source_burst=2)
    for one in (quiet, open_):
        one.knows = lambda request: request.to.tag == "ours"

    assert quiet.filter(request("BYE", to_tag="made up"), STRANGER) == "drop"
    assert quiet.filter(request("BYE", to_tag="made up"), GATEWAY) == "accept"  # it gets 481
    assert quiet.filter(request("BYE", to_tag="ours"), STRANGER) == "accept"
    assert [open_.filter(request(to_tag="made up"), STRANGER) for _ in range(3)] == ["accept", "accept", "drop"]
    assert {open_.filter(request(to_tag="ours"), STRANGER) for _ in range(5)} == {"accept"}


@pytest.mark.parametrize("how", [{"draining": True}, {"lag": 0.5}])
@in_virtual_time
async def test_new_calls_are_shed_and_dialogs_go_on(how: dict[str, Any]) -> None:
    full = ingress(**how)

    assert status(full.filter(request(), GATEWAY)) == 503
    assert full.filter(request("BYE", to_tag="us"), GATEWAY) == "accept"


@in_virtual_time
async def test_a_flood_of_a_stranger_is_dropped_and_a_gateways_is_not() -> None:
    made = ingress(source_rate=1, source_burst=2)
    of_stranger = [made.filter(request(), STRANGER) for _ in range(4)]
    of_gateway = [made.filter(request(), GATEWAY) for _ in range(4)]

    assert of_stranger == ["accept", "accept", "drop", "drop"]
    assert of_gateway == ["accept"] * 4


@pytest.mark.parametrize("agent", ["friendly-scanner", "sipcli/v1.8", "PPLSIP"])
@in_virtual_time
async def test_scanners_get_no_answer(agent: str) -> None:
    assert ingress().filter(request(headers=[("User-Agent", agent)]), STRANGER) == "drop"


@in_virtual_time
async def test_a_to_that_cannot_be_read_is_no_dialog() -> None:
    odd = Request("INVITE", "sip:1000@192.0.2.1", [("To", '"open <sip:a@b>')])

    assert ingress().filter(odd, STRANGER) == "accept"
