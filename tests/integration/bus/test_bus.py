"""The bus on a real NATS server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import ClassVar, Literal

import pytest
from pydantic import BaseModel

from jambones.common.bus import Bus, BusState, Event, Question, RemoteError
from jambones.common.errors import BusUnavailable, NotFound
from jambones.local.servers import RunningServer
from tests.support.free_ports import free_port


class Opened(Event):
    SUBJECT: ClassVar[str] = "test.doors.{house}"
    event: Literal["opened"] = "opened"
    house: str


class Closed(Event):
    SUBJECT: ClassVar[str] = "test.doors.{house}"
    event: Literal["closed"] = "closed"
    house: str
    hard: bool = False


class Sum(BaseModel):
    sum: int


class Add(Question[Sum]):
    SUBJECT: ClassVar[str] = "test.add.{who}"
    REPLY: ClassVar[type[BaseModel]] = Sum
    who: str
    a: int
    b: int


async def add(question: Add) -> Sum:
    if question.a < 0:
        raise NotFound("no negative numbers here")
    return Sum(sum=question.a + question.b)


async def test_an_event_reaches_those_who_listen_to_its_kind(bus: Bus) -> None:
    async with bus.subscribe(Closed) as closed, bus.subscribe(Opened, Closed) as both:
        await bus.publish(Opened(house="7.a *"))
        await bus.publish(Closed(house="7.a *", hard=True))

        assert Closed(house="7.a *", hard=True) == await anext(aiter(closed))
        events = aiter(both)
        assert [Opened(house="7.a *"), Closed(house="7.a *", hard=True)] == [await anext(events), await anext(events)]


async def test_a_subscription_can_be_narrowed_to_one_subject(bus: Bus) -> None:
    async with bus.subscribe(Opened, house="b") as events:
        await bus.publish(Opened(house="a"))
        await bus.publish(Opened(house="b"))

        assert Opened(house="b") == await anext(aiter(events))


async def test_a_request_is_answered_with_its_reply(bus: Bus) -> None:
    async with bus.serve(Add, add, who="me"):
        assert Sum(sum=5) == await bus.request(Add(who="me", a=2, b=3))


async def test_a_request_that_nobody_serves_fails_at_once(bus: Bus) -> None:
    with pytest.raises(BusUnavailable, match="nobody serves"):
        await bus.request(Add(who="nobody", a=1, b=1), timeout=10)


async def test_a_request_that_is_not_answered_in_time_fails(bus: Bus) -> None:
    async def never(question: Add) -> Sum:
        await asyncio.Event().wait()
        raise AssertionError

    async with bus.serve(Add, never, who="slow"):
        with pytest.raises(BusUnavailable, match="no answer"):
            await bus.request(Add(who="slow", a=1, b=1), timeout=0.1)


async def test_the_verdict_of_a_refusal_travels_back(bus: Bus) -> None:
    async with bus.serve(Add, add, who="me"):
        with pytest.raises(RemoteError, match="no negative") as caught:
            await bus.request(Add(who="me", a=-1, b=1))
        assert (caught.value.sip_status, caught.value.http_status) == (404, 404)


async def test_a_handler_that_breaks_is_an_internal_error_and_goes_on(bus: Bus) -> None:
    async def broken(question: Add) -> Sum:
        return Sum(sum=question.a // question.b)

    async with bus.serve(Add, broken, who="me"):
        with pytest.raises(RemoteError) as caught:
            await bus.request(Add(who="me", a=1, b=0))
        assert caught.value.http_status == 500
        assert Sum(sum=3) == await bus.request(Add(who="me", a=6, b=2))


async def test_after_serving_ends_the_subject_is_free_again(bus: Bus) -> None:
    async with bus.serve(Add, add, who="me"):
        pass
    with pytest.raises(BusUnavailable, match="nobody serves"):
        await bus.request(Add(who="me", a=1, b=1))


async def test_it_waits_for_a_server_that_is_not_up_yet(own_nats: RunningServer) -> None:
    url = own_nats.server.url  # type: ignore[attr-defined]
    own_nats.stop()
    async with Bus.connect([url], wait=False) as bus:
        assert not bus.connected
        with pytest.raises(BusUnavailable):
            await bus.request(Add(who="me", a=1, b=1))
        await asyncio.to_thread(own_nats.start)
        await bus.until_connected()
        async with bus.serve(Add, add, who="me"):
            assert Sum(sum=2) == await bus.request(Add(who="me", a=1, b=1))


async def test_it_stops_while_it_still_waits_for_a_server() -> None:
    async with asyncio.timeout(5), Bus.connect([f"nats://127.0.0.1:{free_port()}"], wait=False) as bus:
        assert bus.state is BusState.CONNECTING


async def test_subscriptions_and_services_live_through_a_restart_of_the_server(own_nats: RunningServer) -> None:
    url = own_nats.server.url  # type: ignore[attr-defined]
    async with Bus.connect([url]) as bus, bus.serve(Add, add, who="me"), bus.subscribe(Opened) as opened:
        await asyncio.to_thread(own_nats.kill)
        while bus.connected:
            await asyncio.sleep(0.01)
        with pytest.raises(BusUnavailable):
            await bus.request(Add(who="me", a=1, b=1))
        await asyncio.to_thread(own_nats.start)
        await bus.until_connected()

        assert Sum(sum=2) == await bus.request(Add(who="me", a=1, b=1))
        await bus.publish(Opened(house="a"))
        events: AsyncIterator[Opened] = aiter(opened)
        assert Opened(house="a") == await anext(events)
        async with aclosing(events):  # type: ignore[type-var]
            pass
