"""Applications for the reference platform, each a node process with the published SDK that it is written with."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jambones.common.webhook import WebhookClient, WebhookFailed
from jambones.testing import HookRequest, HookResponse

CLIENTS = Path(__file__).parents[1] / "clients"
SECRET = "wh_secret_cJqgtMDPzDhhnjmaJH6Mtk"


@dataclass(frozen=True)
class SdkApplication:
    """A running one. Called with a hook of `jambones.testing` it is asked over HTTP, by our client and signed."""

    origin: str
    secret: str = SECRET

    def __call__(self, request: HookRequest) -> HookResponse:
        # In a thread, with a loop of its own: no virtual time passes meanwhile, however long node takes.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._answer(request)).result(30)

    async def _answer(self, request: HookRequest) -> HookResponse:
        try:
            return HookResponse(body=await self.ask(request.path, request.payload))
        except WebhookFailed as exc:
            return HookResponse(exc.status or 500)

    async def ask(self, path: str, payload: Mapping[str, Any]) -> Any:
        """POST a signed hook. Raises WebhookFailed."""
        async with WebhookClient.open(timeout=20) as client:
            return await client.ask(self.origin + path, payload, secret=self.secret)

    async def seen(self, count: int, *, within: float = 20.0) -> list[tuple[str, dict[str, Any]]]:
        """Path and payload of the hooks that tests/clients/sdk.cjs got, once there are `count`."""
        async with WebhookClient.open() as client, asyncio.timeout(within):
            while len(hooks := await client.ask(self.origin + "/seen", {}, method="GET")) < count:
                await asyncio.sleep(0.1)
        return [(hook["path"], hook["payload"]) for hook in hooks]


@asynccontextmanager
async def started(
    script: Path, published: Path, *, secret: str = SECRET, env: Mapping[str, str] | None = None
) -> AsyncIterator[SdkApplication]:
    """Start `script`, JavaScript or TypeScript; `published` has node and the packages. It ends with the block."""
    types = ["-r", "sucrase/register"] if script.suffix == ".ts" else []
    process = await asyncio.create_subprocess_exec(
        published / "node",
        *types,
        "-r",
        CLIENTS / "any-port.cjs",
        script,
        env={"NODE_PATH": str(published / "node_modules"), "WEBHOOK_SECRET": secret, **(env or {})},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("listening on "), f"{script.name} did not start: {line}"
        yield SdkApplication(f"http://127.0.0.1:{line.split()[-1]}", secret)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
