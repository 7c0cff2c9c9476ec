"""A menu by keys: 1 plays a recording, 2 reads the time, 3 takes a message and plays it back. `make demo` calls it."""

import io
import sys
import wave
from datetime import datetime
from pathlib import Path

from aiohttp import web

MESSAGES: dict[str, bytes] = {}
WORDS = (
    "Welcome to the demo. Press one to hear a recording. Press two to hear the time. Press three to leave a message."
)
MENU = {"gather": {"numDigits": 1, "timeout": 8, "actionHook": "/key", "say": {"text": WORDS}}}
LISTEN = {"listen": {"url": "/message", "actionHook": "/left", "playBeep": True, "finishOnKey": "1234567890*#"}}
routes = web.RouteTableDef()


@routes.post("/call")
async def call(request: web.Request) -> web.Response:
    return web.json_response([MENU])


@routes.post("/key")
async def key(request: web.Request) -> web.Response:
    match (await request.json()).get("digits"):
        case "1":
            script = [{"play": {"url": f"http://{request.host}/melody.wav"}}, MENU]
        case "2":
            script = [{"say": {"text": f"It is {datetime.now().astimezone():%I %M %p}."}}, MENU]
        case "3":
            script = [{"say": {"text": "Speak after the beep, then press a key."}}, LISTEN]
        case _:
            script = [{"say": {"text": "Goodbye."}}, {"verb": "hangup"}]
    return web.json_response(script)


@routes.get("/melody.wav")
async def melody(request: web.Request) -> web.FileResponse:
    return web.FileResponse(Path(__file__).parent / "melody.wav")


@routes.get("/message")
async def message(request: web.Request) -> web.WebSocketResponse:
    """The caller's audio: one text frame about the call, then 16-bit samples at 8 kHz."""
    socket = web.WebSocketResponse(protocols=["audio.jambonz.org"])
    await socket.prepare(request)
    call_sid = (await socket.receive_json())["callSid"]
    MESSAGES[call_sid] = b"".join([frame.data async for frame in socket])
    return socket


@routes.post("/left")
async def left(request: web.Request) -> web.Response:
    call_sid = (await request.json())["call_sid"]
    return web.json_response([{"play": {"url": f"http://{request.host}/message/{call_sid}.wav"}}, MENU])


@routes.get("/message/{call_sid}.wav")
async def play_back(request: web.Request) -> web.Response:
    with io.BytesIO() as file, wave.open(file, "wb") as wav:
        wav.setparams((1, 2, 8000, 0, "NONE", ""))
        wav.writeframes(MESSAGES[request.match_info["call_sid"]])
        return web.Response(body=file.getvalue(), content_type="audio/wav", headers={"Cache-Control": "no-store"})


@routes.post("/status")
async def status(request: web.Request) -> web.Response:
    return web.Response()


app = web.Application()
app.add_routes(routes)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 9000)
