"""What a device may dial."""

import pytest

from jambones.common.bus.registrar import Authenticated
from jambones.sbc.decision import Refusal
from jambones.sbc.tenants import Account, ServiceProvider
from jambones.sbc_inbound.destinations import DeviceRoute, Script, destination
from jambones.sbc_inbound.tables import Application, Tables

PLAIN = Account("acc", "sp", "acme.example")
WITH_APP = Account("acc", "sp", "acme.example", device_calling_application_sid="dev")
TABLES = Tables.of(
    service_providers=[ServiceProvider("sp")],
    accounts=[PLAIN],
    applications=[
        Application("dev", "acc", "devices"), Application("ivr", "acc", "ivr"), Application("shared", None, "shared"),
        Application("foreign", "other", "theirs"),
    ],
)  # fmt: skip


def device(**more: object) -> Authenticated:
    return Authenticated.model_validate({"status": 200, "user": "ann@acme.example", **more})


def dial(
    dialled: str,
    who: Authenticated | None = None,
    account: Account = PLAIN,
    *,
    applied: tuple[str, ...] = (),
    device_app_first: bool = False,
    user_calling: bool = True,
) -> tuple[str | None, Script | None] | int:
    """(application's sid, script), or the status of the refusal."""
    result = destination(
        TABLES, account, who or device(), dialled, {"bob"}.__contains__, applied=applied,
        device_app_first=device_app_first, user_calling=user_calling,
    ).result  # fmt: skip
    if isinstance(result, Refusal):
        return result.status
    assert isinstance(result, DeviceRoute)
    return result.application.application_sid if result.application else None, result.script


DIAL_BOB = {
    "verbs": [
        {
            "verb": "dial",
            "callerId": "ann",
            "answerOnBridge": True,
            "target": [{"type": "user", "name": "bob@acme.example"}],
        }
    ]
}
NO_APPS, NO_QUEUES = device(allow_direct_app_calling=False), device(allow_direct_queue_calling=False)
NO_USERS = device(allow_direct_user_calling=False)


@pytest.mark.parametrize(
    ("dialled", "who", "account", "expected"),
    [
        ("app-ivr", None, WITH_APP, ("ivr", None)),
        ("app-shared", None, PLAIN, ("shared", None)),
        ("app-foreign", None, PLAIN, 480),  # another account's
        ("app-foreign", None, WITH_APP, ("dev", None)),
        ("app-ivr", NO_APPS, PLAIN, 480),
        ("queue-sales", None, WITH_APP, (None, {"verbs": [{"verb": "dequeue", "name": "sales"}]})),
        ("queue-sales", NO_QUEUES, WITH_APP, ("dev", None)),
        ("queue-", None, PLAIN, 480),
        ("conference-all", None, WITH_APP, (None, {"verbs": [{"verb": "conference", "name": "all"}]})),
        ("conference-all", NO_APPS, PLAIN, 480),
        ("4711", device(application_sid="ivr"), WITH_APP, ("ivr", None)),
        ("4711", device(application_sid="foreign"), WITH_APP, ("dev", None)),
        ("4711", device(call_hook="https://a/b"), PLAIN, (None, {"call_hook": "https://a/b"})),
        ("4711", device(call_hook="https://a/b"), WITH_APP, ("dev", {"call_hook": "https://a/b"})),
        ("4711", device(call_hook='{"url":"https://a"}'), PLAIN, (None, {"call_hook": {"url": "https://a"}})),
        ("4711", None, WITH_APP, ("dev", None)),
        ("bob", None, WITH_APP, ("dev", None)),  # the account's application sees all that is dialled
        ("bob", None, PLAIN, (None, DIAL_BOB)),
        ("bob", NO_USERS, PLAIN, 480),
        ("eve", None, PLAIN, 480),
        ("", None, PLAIN, 480),
        ("b" * 200, None, WITH_APP, 480),
    ],
)
def test_where_a_call_goes(
    dialled: str, who: Authenticated | None, account: Account, expected: tuple[str | None, Script | None] | int
) -> None:
    assert dial(dialled, who, account) == expected


def test_the_reference_platforms_order_is_a_switch() -> None:
    assert dial("queue-sales", account=WITH_APP, device_app_first=True) == ("dev", None)
    assert dial("queue-sales", device_app_first=True) == (None, {"verbs": [{"verb": "dequeue", "name": "sales"}]})


def test_users_calling_each_other_can_be_switched_off() -> None:
    assert dial("bob", user_calling=False) == 480


def test_the_same_application_again_is_a_loop_but_a_script_is_none() -> None:
    assert dial("4711", account=WITH_APP, applied=("dev",)) == 482
    assert dial("queue-sales", account=WITH_APP, applied=("dev",)) != 482


def test_the_reasons_name_each_rule() -> None:
    decision = destination(TABLES, PLAIN, device(allow_direct_app_calling=False), "app-ivr", lambda user: False)

    assert [(rule.name, rule.verdict) for rule in decision.reasons] == [
        ("device calling application", "missed"),
        ("application by name", "missed"),
        ("registered user", "missed"),
        ("application", "refused"),
    ]
