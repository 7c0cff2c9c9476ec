"""The README's first application: ask for a key, say which one it was."""

from aiohttp import web


async def call(request: web.Request) -> web.Response:
    return web.json_response([{"gather": {"numDigits": 1, "actionHook": "/key", "say": {"text": "Press a key."}}}])


async def key(request: web.Request) -> web.Response:
    digits = (await request.json()).get("digits", "nothing")
    return web.json_response([{"say": {"text": f"You pressed {digits}. Goodbye."}}, {"verb": "hangup"}])


async def status(request: web.Request) -> web.Response:
    return web.Response()


app = web.Application()
app.add_routes([web.post("/call", call), web.post("/key", key), web.post("/status", status)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=9000)
