"""Alerts of calls: the same one once a minute, and never a flood."""

import asyncio

from structlog.testing import capture_logs

from jambones.common.bus.calls import Alert
from jambones.feature_server.calls.alerts import EVERY, MOST, CallAlerts
from tests.support.calls import call_info
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_the_same_alert_is_told_once_a_minute_with_a_count_of_the_others() -> None:
    told: list[Alert] = []
    alerts, info = CallAlerts(told.append), call_info()
    for _ in range(5):
        alerts.alert(info, "webhook-failure", "x answered 500", url="http://x", status=500, secret="no")
    assert len(told) == 1
    assert (told[0].alert_type, told[0].status, told[0].url) == ("webhook-failure", 500, "http://x")

    await asyncio.sleep(EVERY + 1)
    alerts.alert(info, "webhook-failure", "x answered 500", url="http://x", status=500)

    assert [alert.repeats for alert in told] == [0, 4]


@in_virtual_time
async def test_other_words_urls_and_types_are_other_alerts() -> None:
    told: list[Alert] = []
    alerts, info = CallAlerts(told.append), call_info()
    alerts.alert(info, "webhook-failure", "a", url="http://x")
    alerts.alert(info, "webhook-failure", "b", url="http://x")
    alerts.alert(info, "webhook-failure", "a", url="http://y")
    alerts.alert(info, "tts-failure", "a", url="http://x")

    assert len(told) == 4


@in_virtual_time
async def test_the_words_of_an_application_are_told_and_not_logged() -> None:
    told: list[Alert] = []
    with capture_logs() as logs:
        CallAlerts(told.append).alert(call_info(), "alert-from-application", "canary")

    assert [alert.message for alert in told] == ["canary"]
    assert "canary" not in str(logs)
    assert logs[0]["alert_type"] == "alert-from-application"


@in_virtual_time
async def test_one_account_cannot_flood_the_others() -> None:
    told: list[Alert] = []
    alerts, loud, quiet = CallAlerts(told.append), call_info(), call_info()
    quiet.account_sid = type(quiet.account_sid)("account-2")
    for number in range(10 * MOST):
        alerts.alert(loud, "webhook-failure", str(number))
    alerts.alert(quiet, "webhook-failure", "mine")

    assert len(told) == MOST + 1
    assert told[-1].account_sid == "account-2"
    await asyncio.sleep(EVERY + 1)
    alerts.alert(loud, "webhook-failure", "again")
    assert told[-1].message == "again"
