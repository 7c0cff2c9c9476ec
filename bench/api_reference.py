"""What the API is measured beside: aiohttp answering a constant, and the same after a `SELECT 1` through the pool.

`python -m bench.api_reference PORT DSN`: GET /constant and GET /select.
"""

import asyncio
import sys

import asyncpg
import uvloop
from aiohttp import web

BODY = b'{"application_sid":"9351f46a-678c-43f5-b8a6-d4eb58d131af","name":"constant"}'


async def main(port: int, dsn: str) -> None:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=10) as pool:

        async def constant(request: web.Request) -> web.Response:
            return web.Response(body=BODY, content_type="application/json")

        async def select(request: web.Request) -> web.Response:
            await pool.fetchval("SELECT 1")
            return web.Response(body=BODY, content_type="application/json")

        app = web.Application()
        app.add_routes([web.get("/constant", constant), web.get("/select", select)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), sys.argv[2]))
