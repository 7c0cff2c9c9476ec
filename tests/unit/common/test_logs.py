"""Logs: one line an event, private values as tokens, and nothing of a caller in any of them."""

import asyncio
import io
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from jambones.common import logs
from jambones.common.private import Private, token
from tests.support.logged import logged

CANARY = "canary-4711"


@pytest.fixture(params=["json", "text"])
def out(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    with logged(format=request.param) as stream:
        yield stream


def lines(out: io.StringIO) -> list[str]:
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    "attributes",
    [
        {"number": Private(CANARY)},
        {"numbers": [Private(CANARY), {"to": Private(CANARY)}]},
        {"password": CANARY},
        {"webhook_secret": CANARY},
        {"nested": {"api_key": CANARY, "deeper": [{"token": CANARY}]}},
        {"digits": CANARY},
        {"digit": CANARY},
        {"transcript": CANARY},
        {"authorization": CANARY},
        {"headers": {"Proxy-Authorization": CANARY, "Authorization": CANARY}},
    ],
)
def test_secrets_do_not_show(out: io.StringIO, attributes: dict[str, Any]) -> None:
    structlog.get_logger("x").info("something", **attributes)
    logging.getLogger("y").info("something", extra=attributes)

    assert len(lines(out)) == 2
    assert CANARY not in out.getvalue()


def test_a_private_value_shows_its_token(out: io.StringIO) -> None:
    structlog.get_logger("x").info("something", number=Private(CANARY))

    assert token(CANARY) in out.getvalue()


def test_an_exception_does_not_show_the_values_of_local_variables(out: io.StringIO) -> None:
    def work(number: str) -> None:
        digits_pressed = number * 2
        raise LookupError(len(digits_pressed))

    try:
        work(CANARY)
    except LookupError as exc:
        structlog.get_logger("x").exception("it failed")
        structlog.get_logger("x").error("it failed", exc_info=exc)
        logging.getLogger("y").exception("it failed")

    assert "LookupError" in out.getvalue()
    assert "work" in out.getvalue()
    assert CANARY not in out.getvalue()


def test_what_is_bound_is_on_every_line_of_its_task(out: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(call_sid="call-1"):
        structlog.get_logger("x").info("ours")
        logging.getLogger("y").info("a library's", extra={"more": 1})
    structlog.get_logger("x").info("later")

    assert ["call-1" in line for line in lines(out)] == [True, True, False]


def test_accounts_can_be_logged_at_debug(out: io.StringIO) -> None:
    logs.verbosity.set_level("warning")
    logs.verbosity.set_debug(False, ["account-1"])
    try:
        structlog.get_logger("x").debug("theirs", account_sid="account-1")
        structlog.get_logger("x").info("others", account_sid="account-2")
        logging.getLogger("y").debug("theirs", extra={"account_sid": "account-1"})
    finally:
        logs.verbosity.set_debug(False)

    assert len(lines(out)) == 2
    assert "others" not in out.getvalue()


def test_the_whole_platform_can_be_logged_at_debug_and_returns_to_its_own_level(out: io.StringIO) -> None:
    logs.verbosity.set_level("warning")
    logs.verbosity.set_debug(True)
    structlog.get_logger("x").debug("seen")
    logs.verbosity.set_debug(False)
    structlog.get_logger("x").info("not seen")

    assert len(lines(out)) == 1


async def test_a_task_can_forget_the_call_it_descends_from(out: io.StringIO) -> None:
    async def later_call() -> None:
        logs.unbind()
        structlog.get_logger("x").info("later")

    logs.bind(call_sid="call-1")
    await asyncio.create_task(later_call())
    structlog.get_logger("x").info("ours")
    logs.unbind()

    assert ["call-1" in line for line in lines(out)] == [False, True]


def test_a_repeating_error_does_not_fill_the_disk(out: io.StringIO) -> None:
    for _ in range(100):
        structlog.get_logger("x").error("the same again")
        structlog.get_logger("x").info("work goes on")

    assert sum("the same again" in line for line in lines(out)) == logs.REPEATS_PER_10_S
    assert sum("work goes on" in line for line in lines(out)) == 100


def test_each_line_of_json_is_one_event() -> None:
    with logged() as stream:
        structlog.get_logger("x").info("two\nlines", odd={"x": object()})
        (line,) = stream.getvalue().splitlines()

    event = json.loads(line)
    assert (event["msg"], event["service"], event["level"]) == ("two\nlines", "test", "info")


def test_nobody_notices_that_the_reader_of_the_log_is_gone() -> None:
    reader, writer = os.pipe()
    with open(writer, "w") as stream:
        out = logs.Lines(stream)
        os.close(reader)
        for _ in range(2000):  # more than a buffer holds
            out.write("unread" * 10 + "\n")
            out.flush()
        # As the interpreter does at its end; without this the process would fail there.
        stream.write("unread as well")
        stream.flush()


def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    with open("/dev/full", "w") as stream:
        out = logs.Lines(stream)
        assert out.write("lost\n" * 5000) == 25_000
        out.flush()
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
