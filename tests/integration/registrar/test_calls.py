"""The credentials of calls: users and trunks that authenticate."""

from aiohttp import web

from jambones.common.bus.registrar import Authenticate, Authenticated
from jambones.common.db.seed import ACCOUNT_SID, SERVICE_PROVIDER_SID
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.common.ids import AccountSid
from jambones.sip.digest import Credentials, authorize
from tests.integration.registrar.conftest import REALM, Running


async def test_credentials_of_a_call_are_judged_the_same_way(running: Running) -> None:
    running.customer.answer = lambda fields, right: web.json_response(
        {"status": "ok" if right else "fail", "application_sid": "app-1"}
    )
    await running.use_hook()
    await running.start()

    def question(headers: tuple[tuple[str, str], ...] = ()) -> Authenticate:
        return Authenticate(
            account_sid=AccountSid(ACCOUNT_SID), realm=REALM, method="INVITE", request_uri=f"sip:100@{REALM}",
            transport="udp", host="203.0.113.7", port=5060, headers=headers,
        )  # fmt: skip

    challenge = await running.bus.request(question())
    assert challenge.status == 401
    values = [value for name, value in challenge.headers if name == "WWW-Authenticate"]
    for password, status in ((running.customer.password, 200), ("wrong", 401)):
        answer = authorize(values, "INVITE", f"sip:100@{REALM}", Credentials("ann", password))
        verdict = await running.bus.request(question((("From", "<sip:ann@x>"), ("Authorization", answer))))
        assert verdict.status == (200 if status == 200 else 403)
    assert running.customer.asked[0]["method"] == "INVITE"


async def test_a_trunk_that_authenticates_is_known_by_its_user_name(running: Running) -> None:
    async with running.database.transaction(PLATFORM) as tx:
        carrier = await VoipCarriers(tx).add(
            {"name": "pbx", "account_sid": ACCOUNT_SID, "service_provider_sid": SERVICE_PROVIDER_SID,
             "trunk_type": "auth", "inbound_auth_username": "pbx", "inbound_auth_password": "of the trunk"}
        )  # fmt: skip
    await running.use_hook()
    await running.start()

    async def verdict(user: str, password: str, method: str = "INVITE") -> Authenticated:
        def question(*headers: tuple[str, str]) -> Authenticate:
            return Authenticate(
                account_sid=AccountSid(ACCOUNT_SID), realm=REALM, method=method, request_uri=f"sip:100@{REALM}",
                transport="udp", host="203.0.113.7", port=5060, headers=headers,
            )  # fmt: skip

        challenge = await running.bus.request(question())
        values = [value for name, value in challenge.headers if name == "WWW-Authenticate"]
        answer = authorize(values, method, f"sip:100@{REALM}", Credentials(user, password))
        return await running.bus.request(question(("Authorization", answer)))

    right = await verdict("pbx", "of the trunk")
    assert (right.status, right.trunk_sid, right.user) == (200, carrier.voip_carrier_sid, None)
    assert running.customer.asked == []
    wrong = await verdict("pbx", "guess")
    assert (wrong.status, wrong.trunk_sid) == (403, None)
    assert (await verdict("ann", running.customer.password)).user == f"ann@{REALM}"


async def test_a_call_gets_what_the_registration_of_its_device_said(running: Running) -> None:
    running.customer.answer = lambda fields, right: web.json_response(
        {
            "status": "ok",
            "call_hook": {"url": "https://app.example", "method": "GET"},
            "allow_direct_app_calling": False,
        }
        if fields["method"] == "REGISTER"
        else {"status": "ok"}
    )
    await running.use_hook()
    await running.start()
    ann = running.device()
    await ann.register()
    challenge = await ann.send(expires=0)
    values = [value for name, value in challenge.headers if name == "WWW-Authenticate"]
    answer = authorize(values, "INVITE", f"sip:100@{REALM}", Credentials("ann", ann.password))

    verdict = await running.bus.request(
        Authenticate(
            account_sid=AccountSid(ACCOUNT_SID),
            realm=REALM,
            method="INVITE",
            request_uri=f"sip:100@{REALM}",
            transport="tcp",
            host=ann.host,
            port=ann.port,
            authorization=answer,
        )
    )

    assert verdict.user == f"ann@{REALM}"
    assert verdict.call_hook == '{"url":"https://app.example","method":"GET"}'
    assert not verdict.allow_direct_app_calling
    assert verdict.allow_direct_queue_calling
