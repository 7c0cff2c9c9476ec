"""A registrar as a process would run it, with real NATS and PostgreSQL, and devices that speak to it like an edge."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from jambones.common.bus import Bus
from jambones.common.bus.registrar import RegisterAnswered, RegisterQuestion
from jambones.common.db.accounts import Accounts
from jambones.common.db.clients import Clients
from jambones.common.db.database import Database
from jambones.common.db.seed import ACCOUNT_SID, SERVICE_PROVIDER_SID, seed
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.webhooks import Webhooks
from jambones.common.errors import BusUnavailable
from jambones.common.ids import NodeId
from jambones.common.secrets import KeyRing
from jambones.local.servers import RunningServer
from jambones.registrar.main import serve
from jambones.registrar.settings import RegistrarSettings
from jambones.sip.digest import Credentials, authorize

REALM = "acme.sip.example"
PASSWORD = "held by the hook alone"
HOOK_SID = "11111111-2222-4333-8444-555555555555"


@dataclass
class CustomersServer:
    """The account's registration hook, and the only place that knows the password."""

    password: str = PASSWORD
    asked: list[dict[str, Any]] = field(default_factory=list)
    signatures: list[str | None] = field(default_factory=list)
    basic: list[str | None] = field(default_factory=list)
    answer: Callable[[Mapping[str, Any], bool], web.Response] | None = None
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        fields = await request.json() if request.method == "POST" else dict(request.query)
        self.asked.append(fields)
        self.signatures.append(request.headers.get("Jambonz-Signature"))
        self.basic.append(request.headers.get("Authorization"))
        right = self._right(fields)
        if self.answer is not None:
            return self.answer(fields, right)
        return web.json_response({"status": "ok"} if right else {"status": "fail", "msg": "wrong"})

    def _right(self, fields: Mapping[str, Any]) -> bool:
        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        ha1 = md5(f"{fields['username']}:{fields['realm']}:{self.password}")
        ha2 = md5(f"{fields['method']}:{fields['uri']}")
        middle = f"{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}"
        return bool(md5(f"{ha1}:{middle}:{ha2}") == fields["response"])


@pytest.fixture
async def customer() -> AsyncIterator[CustomersServer]:
    server = CustomersServer()
    app = web.Application()
    app.router.add_route("*", "/register", server.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/register"
    yield server
    await runner.cleanup()


@dataclass
class Device:
    """A phone behind an edge; `flow`, address and Call-ID are its own."""

    bus: Bus
    user: str
    password: str = PASSWORD
    realm: str = REALM
    transport: str = "tcp"
    host: str = "203.0.113.7"
    port: int = field(default_factory=lambda: 20000 + secrets.randbelow(40000))
    flow: str = field(default_factory=lambda: secrets.token_hex(4))
    edge: str = "edge-1"
    call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    cseq: int = 0
    instance: str | None = None
    auth_user: str | None = None
    nonces: dict[str, int] = field(default_factory=dict)
    authorization: str | None = None
    inside: str | None = None
    """The private address it names, where a NAT stands before it."""

    @property
    def contact(self) -> str:
        extra = f';+sip.instance="<urn:uuid:{self.instance}>"' if self.instance else ""
        return f"<sip:{self.user}@{self.inside or self.host}:{self.port};transport={self.transport}>{extra}"

    async def send(
        self, *, contact: str | None = "", expires: int | None = 600, authorization: str | None = None
    ) -> RegisterAnswered:
        """One REGISTER and its answer; `contact` None: no Contact at all."""
        self.cseq += 1
        via = f"{self.transport.upper()} {self.inside or self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(6)}"
        rows = [
            f"REGISTER sip:{self.realm} SIP/2.0",
            f"Via: SIP/2.0/{via}",
            f"From: <sip:{self.user}@{self.realm}>;tag=1",
            f"To: <sip:{self.user}@{self.realm}>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} REGISTER",
            "User-Agent: test phone",
        ]
        if contact is not None:
            rows.append(f"Contact: {contact or self.contact}")
        if expires is not None:
            rows.append(f"Expires: {expires}")
        if authorization is not None:
            rows.append(f"Authorization: {authorization}")
        message = ("\r\n".join([*rows, "Content-Length: 0"]) + "\r\n\r\n").encode()
        question = RegisterQuestion(
            edge_id=NodeId(self.edge), flow=self.flow, transport=self.transport, host=self.host, port=self.port,
            message=message,
        )  # fmt: skip
        return await self.bus.request(question)

    async def register(self, *, contact: str | None = "", expires: int | None = 600) -> RegisterAnswered:
        """As a phone does it: without credentials, then with."""
        answer = await self.send(contact=contact, expires=expires)
        if answer.status != 401:
            return answer
        challenges = [value for name, value in answer.headers if name == "WWW-Authenticate"]
        credentials = Credentials(self.auth_user or self.user, self.password)
        self.authorization = authorize(
            challenges, "REGISTER", f"sip:{self.realm}", credentials, nonce_counts=self.nonces
        )
        return await self.send(contact=contact, expires=expires, authorization=self.authorization)


def header(answer: RegisterAnswered, name: str) -> str | None:
    return next((value for key, value in answer.headers if key.lower() == name.lower()), None)


def contacts(answer: RegisterAnswered) -> list[str]:
    return [value for name, value in answer.headers if name == "Contact"]


@dataclass
class Running:
    """A registrar, its database and a bus beside it."""

    bus: Bus
    database: Database
    settings: RegistrarSettings
    customer: CustomersServer
    stack: AsyncExitStack

    async def start(self) -> None:
        """Start a registrar with the configuration that is in the database now; another one joins the first."""
        await self.stack.enter_async_context(registrar(self.settings))

    def device(self, user: str = "ann", **more: Any) -> Device:
        return Device(self.bus, user, **more)

    async def use_hook(self, *, method: str = "POST", **more: Any) -> None:
        async with self.database.transaction(PLATFORM) as tx:
            await Webhooks(tx).add(
                {"webhook_sid": HOOK_SID, "url": self.customer.url, "method": method, "account_sid": ACCOUNT_SID,
                 "service_provider_sid": SERVICE_PROVIDER_SID, **more}
            )  # fmt: skip
            await Accounts(tx).update(ACCOUNT_SID, {"registration_hook_sid": HOOK_SID})

    async def client(self, username: str, password: str = PASSWORD, **more: Any) -> None:
        async with self.database.transaction(PLATFORM) as tx:
            await Clients(tx).add({"account_sid": ACCOUNT_SID, "username": username, "password": password, **more})

    async def account(self, **changes: Any) -> None:
        async with self.database.transaction(PLATFORM) as tx:
            await Accounts(tx).update(ACCOUNT_SID, changes)


@asynccontextmanager
async def registrar(settings: RegistrarSettings) -> AsyncIterator[None]:
    """Run one inside the block, until it serves."""
    task = asyncio.create_task(serve(settings))
    try:
        async with Bus.connect(settings.nats_urls, name="probe") as bus:
            probe = Device(bus, "nobody", realm="nowhere.example")
            async with asyncio.timeout(30):
                while not task.done():
                    with suppress(BusUnavailable):
                        await probe.send()
                        break
                    await asyncio.sleep(0.05)
        if task.done():
            task.result()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def running(own_nats: RunningServer, database_dsn: str, customer: CustomersServer) -> AsyncIterator[Running]:
    key = KeyRing.generate()
    url = str(getattr(own_nats.server, "url"))  # noqa: B009 - the Protocol of servers has no address
    settings = RegistrarSettings(
        nats_urls=(url,), db_dsn=database_dsn, encryption_keys=key, internal_key="x" * 32, http_port=0,
        registration_hook_timeout=2, auth_failures=5,
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(database_dsn, keys=KeyRing.parse(key), size=2))
        await seed(database, demo=False, sip_realm=REALM)
        bus = await stack.enter_async_context(Bus.connect([url], name="edge"))
        database.announce = bus.publish
        yield Running(bus, database, settings, customer, stack)
