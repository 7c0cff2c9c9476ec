"""The application of the signalling bench, in a process of its own: a second of sound, then goodbye.

`python -m bench.application PORT`. A POST to /hold?seconds=N makes later calls wait that long instead; 0 ends that. A
POST to /dial?... answers with a dial of the SIP address or the number in its query; /register?delay=MS admits devices.
"""

import asyncio
import io
import sys
import wave
from array import array
from math import pi, sin

from aiohttp import web

HOLD = web.AppKey("hold", dict)


def tone(seconds: float) -> bytes:
    """A WAV of 440 Hz, 8 kHz mono."""
    out = io.BytesIO()
    with wave.open(out, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(array("h", (int(8000 * sin(2 * pi * 440 * n / 8000)) for n in range(int(8000 * seconds)))))
    return out.getvalue()


async def call(request: web.Request) -> web.Response:
    await request.read()
    seconds = request.app[HOLD]["seconds"]
    if seconds:
        return web.json_response([{"verb": "answer"}, {"verb": "pause", "length": seconds}, {"verb": "hangup"}])
    return web.json_response([{"verb": "play", "url": f"http://{request.host}/tone.wav"}, {"verb": "hangup"}])


async def dial(request: web.Request) -> web.Response:
    await request.read()
    where = request.query
    target = {"type": "sip", "sipUri": where["uri"]} if "uri" in where else {"type": "phone", "number": where["number"]}
    return web.json_response([{"verb": "dial", "answerOnBridge": True, "callerId": "15557777", "target": [target]}])


async def register(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.sleep(int(request.query.get("delay", "0")) / 1000)
    return web.json_response({"status": "ok"})


async def status(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


async def hold(request: web.Request) -> web.Response:
    request.app[HOLD]["seconds"] = int(request.query["seconds"])
    return web.Response()


def main(port: int) -> None:
    sound = tone(1.0)

    async def serve_tone(request: web.Request) -> web.Response:
        return web.Response(body=sound, content_type="audio/wav", headers={"Cache-Control": "max-age=3600"})

    app = web.Application()
    app[HOLD] = {"seconds": 0}
    app.add_routes(
        [
            web.post("/call", call),
            web.post("/status", status),
            web.post("/call/status", status),
            web.post("/dial", dial),
            web.post("/register", register),
            web.post("/hold", hold),
            web.get("/tone.wav", serve_tone),
        ]
    )
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
