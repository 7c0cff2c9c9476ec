"""The dry run of routing over the API: provisioned there, answered by the edge's own functions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jambones.common.bus.explain import ExplainInbound, ExplainOutbound, Explanation
from jambones.common.bus.nodes import Choice
from jambones.sbc.admission import Lease, Leases
from jambones.sbc_inbound import snapshot
from jambones.sbc_inbound.explain import explain
from tests.integration.api.conftest import World

HOOK = {"url": "http://example.com/hook"}


@asynccontextmanager
async def an_edge(world: World) -> AsyncIterator[None]:
    """Answers as an edge does, from the database of the moment."""
    leases = Leases("edge", world.bus.bucket("leases_explain", Lease, ttl=60))

    async def answer(question: ExplainInbound) -> Explanation:
        tables = await snapshot.load(world.db)
        return explain(
            tables, question, host="198.51.100.1", counts=leases, servers=lambda: Choice(None, ("none is there",))
        )

    async with world.bus.serve(ExplainInbound, answer, queue="sbc-inbound"):
        await asyncio.sleep(0)
        yield


async def test_explain_says_where_a_number_goes_and_hides_what_is_not_the_tenants(world: World) -> None:
    sp, provider = await world.provider()
    acme, ann = await world.account(sp, "acme")
    _, bob = await world.account(sp, "bob-corp")
    app = await ann.make("/Applications", {"name": "greeting", "call_hook": HOOK, "call_status_hook": HOOK})
    carrier = await ann.make("/VoipCarriers", {"name": "ann-trunk"})
    await ann.make("/SipGateways", {"voip_carrier_sid": carrier, "ipv4": "192.0.2.1", "inbound": True, "netmask": 32})
    number = {"number": "15550001", "voip_carrier_sid": carrier, "application_sid": app}
    await ann.make("/PhoneNumbers", number)

    async with an_edge(world):
        reply = await ann.get(f"/Accounts/{acme}/explain", number="+15550001", source="192.0.2.1:5062")
        assert reply.status == 200, reply
        assert (reply.body["application"], reply.body["carrier"]) == ("greeting", "ann-trunk")
        assert (reply.body["verdict"], reply.body["status"]) == ("refused", 503)  # no feature server is there
        assert reply.body["asked"]["source"] == "192.0.2.1:5062"

        assumed = await ann.get(f"/Accounts/{acme}/explain", number="+15550001")
        assert assumed.body["application_sid"] == app
        assert assumed.body["asked"]["assumed"] == "gateway of ann-trunk, the number's trunk"

        for client, path in (
            (bob, "/explain"),
            (provider, f"/ServiceProviders/{sp}/explain"),
            (world.admin, "/explain"),
        ):
            reply = await client.get(path, number="15550001", source="192.0.2.1")
            assert reply.status == 200, reply
            if client is bob:
                assert reply.body["verdict"] == "elsewhere"
                assert "ann-trunk" not in str(reply.body)
                assert acme not in str(reply.body)
            else:
                assert reply.body["account_sid"] == acme

        assert (await bob.get(f"/Accounts/{acme}/explain", number="1", source="192.0.2.1")).status == 403
        assert (await bob.get(f"/ServiceProviders/{sp}/explain", number="1", source="192.0.2.1")).status == 403


async def test_explain_without_an_edge_is_503_with_retry_after(world: World) -> None:
    reply = await world.admin.get("/explain", number="1555", source="192.0.2.1")

    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) > 0


async def test_explain_names_the_argument_that_cannot_be_used(world: World) -> None:
    for query in (
        {}, {"number": "1", "target": "2"}, {"number": "1", "source": "nobody"}, {"source": "192.0.2.1:0"},
        {"source": "192.0.2.1", "transport": "pigeon"}, {"target": "1"}, {"number": "1"},
    ):  # fmt: skip
        reply = await world.admin.get("/explain", **query)
        assert (query, reply.status) == (query, 400)
        assert reply.msg


async def test_explain_asks_an_egress_about_calls_that_go_out(world: World) -> None:
    sp, _ = await world.provider()
    acme, ann = await world.account(sp)
    asked: list[ExplainOutbound] = []

    async def answer(question: ExplainOutbound) -> Explanation:
        asked.append(question)
        return Explanation(verdict="accepted")

    async with world.bus.serve(ExplainOutbound, answer, queue="sbc-outbound"):
        reply = await ann.get("/explain", target="+15550009", caller="+15550001")

    assert (reply.status, reply.body["verdict"]) == (200, "accepted")
    assert (asked[0].account_sid, asked[0].viewer_account_sid) == (acme, acme)
