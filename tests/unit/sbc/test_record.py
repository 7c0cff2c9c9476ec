"""The record of a call."""

from datetime import UTC, datetime, timedelta

import pytest

from jambones.common import clock
from jambones.common.private import token
from jambones.sbc.record import CallLog
from jambones.sbc.tenants import Account

START = datetime(2026, 1, 1, tzinfo=UTC)


ACCOUNT = Account("acc", "sp")


def log(account: Account | None = ACCOUNT) -> CallLog:
    with clock.replaced(lambda: START):
        return CallLog("call-1", "caller", "15551234", "192.0.2.1", account=account)


def test_an_answered_call_has_its_seconds_and_who_hung_up() -> None:
    call = log()
    with clock.replaced(lambda: START + timedelta(seconds=2)):
        call.answered()
    call.hung_up("callee", None)
    call.hung_up("caller")  # too late: the first one counts
    with clock.replaced(lambda: START + timedelta(seconds=9.6)):
        record = call.record("10.0.0.1", "PCMU", None)

    assert record is not None
    assert (record.answered, record.sip_status, record.duration) == (True, 200, 8)
    assert (record.termination_reason, record.hangup_side) == ("called party hungup", "callee")
    assert record.terminated_at - record.attempted_at == 9600


def test_an_abandoned_call_is_a_487() -> None:
    call = log()
    call.abandoned()
    call.failed(480, "late")
    record = call.record("", None, None)

    assert record is not None
    assert (record.sip_status, record.termination_reason, record.duration) == (487, "caller abandoned", 0)


@pytest.mark.parametrize(
    ("text", "reason", "side"),
    [
        ('SIP;cause=200;text="Media timeout"', "media timeout", "platform"),
        ("Max Duration", "max duration", "platform"),
        (None, "called party hungup", "callee"),
    ],
)
def test_a_reason_of_the_platform_beats_the_side_that_hung_up(text: str | None, reason: str, side: str) -> None:
    call = log()
    call.answered()
    call.hung_up("callee", text)

    assert (call.termination_reason, call.hangup_side) == (reason, side)


@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_leaves_no_record(status: int) -> None:
    call = log()
    call.failed(status, None)

    assert call.record("", None, None) is None


def test_without_an_account_or_when_it_wants_none_there_is_no_record() -> None:
    assert log(None).record("", None, None) is None
    assert log(Account("acc", "sp", disable_cdrs=True)).record("", None, None) is None


def test_reasons_go_to_the_log_without_the_numbers_in_them() -> None:
    call = CallLog("call-1", "ann", "+441632960000", "192.0.2.1")
    call.reasons = [
        "exact number passed: +441632960000 on acme",
        "pattern missed: 0441632960001",
        "6b1f9f0e-2d4c-4a8e-9b55-123456789012 chosen",
        "caller of ann is known: 192.0.2.1:50600",
    ]

    assert call.reasons_logged == [
        f"exact number passed: {token('+441632960000')} on acme",
        f"pattern missed: {token('0441632960001')}",
        "6b1f9f0e-2d4c-4a8e-9b55-123456789012 chosen",
        f"caller of {token('ann')} is known: 192.0.2.1:50600",
    ]
