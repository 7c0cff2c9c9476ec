"""Users: logging in and out, passwords, roles."""

import asyncio
import re
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import jwt
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from jambones.common import clock
from tests.integration.api.conftest import Client, World

PASSWORD = "a good one 1"


async def user(world: World, name: str, **values: Any) -> tuple[str, Client]:
    """A user and a client that is logged in as it."""
    body = {"name": name, "email": f"{name}@example.com", "initial_password": PASSWORD, "is_active": 1, **values}
    reply = await world.admin.post("/Users", body)
    assert reply.status == 201, reply
    return reply.body["user_sid"], await logged_in(world, name)


async def logged_in(world: World, name: str, password: str = PASSWORD) -> Client:
    reply = await world.admin.with_token(None).post("/login", {"username": name, "password": password})
    assert reply.status == 200, reply
    return world.admin.with_token(reply.body["token"])


async def test_a_user_logs_in_and_out(world: World) -> None:
    provider, _ = await world.provider()
    account, _ = await world.account(provider)
    sid, client = await user(world, "joe", account_sid=account, force_change=True)
    assert client.token is not None
    claims = jwt.decode(client.token, options={"verify_signature": False})
    assert (claims["scope"], claims["user_sid"], claims["account_sid"]) == ("account", sid, account)
    reply = await world.admin.with_token(None).post("/login", {"username": "JOE", "password": PASSWORD})
    assert reply.body | {"token": ""} == {
        "token": "", "user_sid": sid, "scope": "account", "force_change": True, "permissions": [],
        "service_provider_sid": provider, "service_provider_name": "sp", "account_sid": account, "account_name": "acme",
    }  # fmt: skip
    me = (await client.get("/Users/me")).body
    assert (me["user"]["name"], me["user"]["force_change"], me["account"]["account_sid"]) == ("joe", True, account)
    assert "hashed_password" not in me["user"]
    assert (await world.admin.get("/Users/me")).status == 403
    assert len((await client.get("/Accounts")).body) == 1
    assert (await client.post("/logout")).status == 204
    assert (await client.get("/Accounts")).status == 401
    assert (await world.admin.post("/logout")).status == 204


async def test_six_wrong_passwords_lock_the_login(world: World) -> None:
    await user(world, "joe")
    public = world.admin.with_token(None)
    for _ in range(6):
        assert (await public.post("/login", {"username": "joe", "password": "wrong"})).status == 403
    locked = await public.post("/login", {"username": "joe", "password": PASSWORD})
    assert locked.status == 403
    assert "Maximum login attempts reached" in locked.body["error"]
    assert (await public.post("/login", {"username": "nobody", "password": "x"})).status == 403
    assert (await public.post("/login", {"username": "joe"})).status == 400


async def test_passwords_follow_the_rules(world: World) -> None:
    body = {"name": "joe", "email": "joe@example.com", "is_active": 1}
    admin = world.admin
    assert (await admin.post("/Users", body)).msg == "missing field initial_password"
    assert (await admin.post("/Users", body | {"initial_password": "short"})).status == 400
    rules = {"min_password_length": 10, "require_digit": 1, "require_special_character": 1}
    await admin.post("/PasswordSettings", rules)
    for password, words in (("x" * 9, "10"), ("x" * 10, "digit"), ("x" * 10 + "1", "special")):
        reply = await admin.post("/Users", body | {"initial_password": password})
        assert (reply.status, words in reply.msg) == (400, True)
    assert (await admin.post("/Users", body | {"initial_password": "x" * 10 + "1!"})).status == 201
    taken = await admin.post("/Users", {**body, "name": "JOE", "email": "b@b", "initial_password": "x" * 10 + "1!"})
    assert (taken.status, taken.msg) == (422, "invalid username or email")


async def test_the_first_change_of_a_password_keeps_the_session(world: World) -> None:
    sid, client = await user(world, "joe", force_change=True)
    path = f"/Users/{sid}"
    assert (await client.put(path, {"old_password": PASSWORD})).status == 400
    assert (await client.put(path, {"old_password": "wrong one", "new_password": "another 1"})).status == 403
    assert (await client.put(path, {"old_password": PASSWORD, "new_password": PASSWORD})).status == 400
    assert (await client.put(path, {"old_password": PASSWORD, "new_password": "another 1"})).status == 204
    assert (await client.get("/Users/me")).body["user"]["force_change"] is False
    change = {"old_password": "another 1", "new_password": "yet another"}
    assert (await client.post("/change-password", {"old_password": "x"})).status == 400
    assert (await client.post("/change-password", change)).status == 204
    assert (await client.get("/Users/me")).status == 401
    await logged_in(world, "joe", "yet another")


class Letterbox:
    """An SMTP server of others that keeps what it is sent."""

    def __init__(self) -> None:
        self.letters: asyncio.Queue[tuple[list[str], EmailMessage]] = asyncio.Queue()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.letters.put_nowait((envelope.rcpt_tos, message_from_bytes(content, policy=policy.default)))
        return "250 Message accepted"


@pytest.fixture
async def letterbox(world: World) -> AsyncIterator[Letterbox]:
    box = Letterbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    parts = world.api.parts
    assert parts is not None
    address = {"smtp_host": "127.0.0.1", "smtp_port": server.sockets[0].getsockname()[1]}
    parts.settings = parts.settings.model_copy(update=address | {"portal_url": "https://portal.example.com/"})
    yield box
    server.close()


async def test_a_forgotten_password_is_reset_by_mail(world: World, letterbox: Letterbox) -> None:
    _, client = await user(world, "joe")
    public = world.admin.with_token(None)
    assert (await public.post("/forgot-password", {"email": "x"})).body["error"] == "invalid or missing email"
    unknown = await public.post("/forgot-password", {"email": "x@y"})
    assert unknown.body["error"] == "failed to reset your password"
    assert (await public.post("/forgot-password", {"email": "JOE@example.com"})).status == 204
    assert (await client.get("/Users/me")).status == 401
    async with asyncio.timeout(10):
        recipients, letter = await letterbox.letters.get()
    assert recipients == ["joe@example.com"]
    assert letter["Subject"] == "Reset your password"
    match = re.search(r"https://portal.example.com/reset-password/(\S+)", letter.get_content())
    assert match is not None
    link = match[1]
    assert (await public.post("/signin", {"link": "wrong"})).status == 403
    assert (await public.post("/signin", {"email": "no@where", "password": "x"})).status == 404
    reply = await public.post("/signin", {"link": link})
    assert (reply.status, reply.body["name"], reply.body["pristine"]) == (200, "joe", False)
    client = world.admin.with_token(reply.body["jwt"])
    assert (await client.post("/change-password", {"old_password": link, "new_password": "brand new"})).status == 204
    await logged_in(world, "joe", "brand new")
    assert (await public.post("/signin", {"link": link})).status == 403


async def test_only_the_newest_link_is_good(world: World, letterbox: Letterbox) -> None:
    await user(world, "joe")
    public, links = world.admin.with_token(None), []
    for _ in range(2):
        assert (await public.post("/forgot-password", {"email": "joe@example.com"})).status == 204
        async with asyncio.timeout(10):
            _, letter = await letterbox.letters.get()
        links += re.findall(r"/reset-password/(\S+)", letter.get_content())
    assert [(await public.post("/signin", {"link": link})).status for link in links] == [403, 200]


async def test_who_may_touch_whom(world: World) -> None:
    provider, owner = await world.provider()
    account, tenant = await world.account(provider)
    other_provider, _ = await world.provider("other")
    other_account, _ = await world.account(other_provider)
    admin_sid, admin_user = await user(world, "admin")
    theirs, _ = await user(world, "theirs", account_sid=other_account)
    sid, client = await user(world, "ours", account_sid=account)
    assert {row["name"] for row in (await admin_user.get("/Users")).body} == {"admin", "theirs", "ours"}
    assert [row["name"] for row in (await owner.get("/Users")).body] == ["ours"]
    assert [row["name"] for row in (await tenant.get("/Users")).body] == ["ours"]
    for who in (owner, tenant, client):
        for foreign in (theirs, admin_sid):
            assert (await who.get(f"/Users/{foreign}")).status == 403
            assert (await who.put(f"/Users/{foreign}", {"name": "x"})).status == 403
            assert (await who.delete(f"/Users/{foreign}")).status == 403
    assert (await client.put(f"/Users/{sid}", {"account_sid": other_account})).status == 400
    assert (await owner.put(f"/Users/{sid}", {"account_sid": None})).status == 400
    assert (await owner.put(f"/Users/{sid}", {"account_sid": other_account})).status in (400, 403)
    assert (await admin_user.put(f"/Users/{admin_sid}", {"account_sid": None, "name": "root"})).status == 204
    last = await world.admin.delete(f"/Users/{admin_sid}")
    assert (last.status, last.msg) == (400, "Bad request")
    assert (await world.admin.put(f"/Users/{sid}", {"is_active": 0})).status == 204
    assert (await client.get("/Accounts")).status == 401
    assert (await owner.delete(f"/Users/{sid}")).status == 204


async def test_a_view_only_user_changes_nothing_but_the_password(world: World) -> None:
    provider, _ = await world.provider()
    account, _ = await world.account(provider)
    sid, client = await user(world, "joe", account_sid=account, is_view_only=True)
    assert (await client.get(f"/Users/{sid}")).body["is_view_only"] is True
    refused = await client.put(f"/Accounts/{account}", {"name": "x"})
    assert (refused.status, refused.msg) == (403, "User has view-only access")
    change = {"old_password": PASSWORD, "new_password": "another 1"}
    assert (await client.put(f"/Users/{sid}", change)).status == 204
    assert (await world.admin.put(f"/Users/{sid}", {"is_view_only": False})).status == 204
    assert (await client.put(f"/Accounts/{account}", {"name": "x"})).status == 204


async def test_tokens_of_others_are_not_believed(world: World) -> None:
    provider, _ = await world.provider()
    account, _ = await world.account(provider)
    assert world.api.parts is not None
    assert world.api.parts.settings.jwt_secret is not None
    secret = world.api.parts.settings.jwt_secret.get_secret_value()
    claims = {"account_sid": account, "scope": "account", "permissions": []}
    signed = world.admin.with_token(jwt.encode(claims, secret, algorithm="HS256"))
    assert len((await signed.get("/Accounts")).body) == 1
    sid, _ = await user(world, "joe")
    for token in (
        jwt.encode(claims, "x" * 40, algorithm="HS256"),
        jwt.encode(claims | {"exp": 1}, secret, algorithm="HS256"),
        jwt.encode(claims | {"scope": "admin"}, secret, algorithm="HS256"),
        jwt.encode({"user_sid": sid, "jti": "made up", "exp": clock.now().timestamp() + 60}, secret, algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
    ):
        assert (await world.admin.with_token(token).get("/Accounts")).status == 401
