"""A menu by keys: 1 plays a recording, 2 reads the time, 3 takes a message and plays it back. `make demo` calls it."""

import sys
import wave
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from aiohttp import web

SOUNDS, MESSAGES = Path(__file__).parent, Path(mkdtemp(prefix="menu-"))
WORDS = "Welcome to the demo. Press one to hear a recording, two to hear the time, three to leave a message."
MENU = {"gather": {"numDigits": 1, "timeout": 8, "actionHook": "/key", "say": {"text": WORDS}}}
LISTEN = {"listen": {"url": "/message", "actionHook": "/left", "playBeep": True, "finishOnKey": "1234567890*#"}}


async def call(request: web.Request) -> web.Response:
    return web.json_response([MENU])


async def key(request: web.Request) -> web.Response:
    scripts = {
        "1": [{"play": {"url": f"http://{request.host}/sounds/melody.wav"}}, MENU],
        "2": [{"say": {"text": f"It is {datetime.now().astimezone():%I %M %p}."}}, MENU],
        "3": [{"say": {"text": "Speak after the beep, then press a key."}}, LISTEN],
    }
    digits = (await request.json()).get("digits")
    return web.json_response(scripts.get(digits, [{"say": {"text": "Goodbye."}}, {"verb": "hangup"}]))


async def message(request: web.Request) -> web.WebSocketResponse:
    """The caller's audio: one text frame about the call, then 16-bit samples at 8 kHz."""
    socket = web.WebSocketResponse(protocols=["audio.jambonz.org"])
    await socket.prepare(request)
    name = Path((await socket.receive_json())["callSid"]).name
    with wave.open(str(MESSAGES / f"{name}.wav"), "wb") as wav:
        wav.setparams((1, 2, 8000, 0, "NONE", ""))
        async for frame in socket:
            wav.writeframes(frame.data)
    return socket


async def left(request: web.Request) -> web.Response:
    call_sid = (await request.json())["call_sid"]
    return web.json_response([{"play": {"url": f"http://{request.host}/messages/{call_sid}.wav"}}, MENU])


async def status(request: web.Request) -> web.Response:
    return web.Response()


app = web.Application()
app.add_routes([web.post(f"/{hook.__name__}", hook) for hook in (call, key, left, status)])
app.add_routes([web.get("/message", message), web.static("/sounds", SOUNDS), web.static("/messages", MESSAGES)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 9000)
