"""A menu by keys: 1 plays a recording, 2 reads the time. It is what `make demo` calls."""

import sys
from datetime import datetime
from pathlib import Path

from aiohttp import web

MELODY = Path(__file__).parent / "melody.wav"
MENU = {
    "gather": {
        "numDigits": 1,
        "timeout": 8,
        "actionHook": "/key",
        "say": {"text": "Welcome to the demo. Press one to hear a recording. Press two to hear the time."},
    }
}


async def call(request: web.Request) -> web.Response:
    return web.json_response([MENU])


async def key(request: web.Request) -> web.Response:
    match (await request.json()).get("digits"):
        case "1":
            script = [{"play": {"url": f"http://{request.host}/melody.wav"}}, MENU]
        case "2":
            script = [{"say": {"text": f"It is {datetime.now().astimezone():%I %M %p}."}}, MENU]
        case _:
            script = [{"say": {"text": "Goodbye."}}, {"verb": "hangup"}]
    return web.json_response(script)


async def melody(request: web.Request) -> web.FileResponse:
    return web.FileResponse(MELODY)


async def status(request: web.Request) -> web.Response:
    return web.Response()


app = web.Application()
app.add_routes([web.post("/call", call), web.post("/key", key), web.post("/status", status)])
app.add_routes([web.get("/melody.wav", melody)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 9000)
