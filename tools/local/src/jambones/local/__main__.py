"""`python -m jambones.local run` starts the platform, `demo` calls it."""

import argparse
import asyncio
import os
import signal
import sys
from dataclasses import fields, replace
from pathlib import Path
from urllib.parse import urlencode

from jambones.common import logs
from jambones.local import layout, rtpengine
from jambones.local.demo import demo
from jambones.local.layout import Ports
from jambones.local.platform import PHONE, SERVICES, LocalPlatform, runnable
from jambones.local.render import Terminal
from jambones.local.servers import ServerError

DIRECTORY, CHOICE, _ = layout.OTHERS
WAYS = ("fixed", "auto")
DOCS = "docs/ in this repository; the REST API describes itself at {api}/openapi.json"


def main() -> int:
    """Returns the exit code: 0 when it was stopped by a signal, 1 when something could not be started."""
    parser = argparse.ArgumentParser(prog="python -m jambones.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("run", help="start the platform and keep it running")
    start.add_argument("--dir", type=Path, default=Path(os.environ.get(DIRECTORY) or ".run"))
    start.add_argument("--ports", choices=WAYS, default=os.environ.get(CHOICE) or "fixed")
    for one in fields(Ports):
        option = one.name.replace("_", "-") + ("" if one.name.endswith("_span") else "-port")
        start.add_argument(f"--{option}", type=int, dest=one.name, metavar="N")
    commands.add_parser("demo", help="call the demo application and tell what happened")
    options = parser.parse_args()
    if options.command == "run" and options.ports not in WAYS:  # argparse lets a default pass
        parser.error(f"{CHOICE} is neither {' nor '.join(WAYS)}: {options.ports}")
    terminal = Terminal(sys.stdout)
    logs.configure("local", level="warning", format="text")
    try:
        if options.command == "demo":
            return asyncio.run(demo(terminal.say))
        return asyncio.run(run(options, terminal))
    except (ServerError, OSError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1


async def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Start everything, say where it is, wait for a signal."""
    ports = (Ports.auto() if options.ports == "auto" else Ports()).with_environment(os.environ)
    ports = replace(ports, **{f.name: getattr(options, f.name) for f in fields(Ports) if getattr(options, f.name)})
    platform = LocalPlatform(options.dir, ports=ports, output=terminal)
    stopping, task, loop = asyncio.Event(), asyncio.current_task(), asyncio.get_running_loop()
    started = False

    def stop() -> None:
        if stopping.is_set():
            terminal.say("stopping at once")
            platform.kill()
        else:
            terminal.say("stopping (again: at once)")
            stopping.set()
            if not started and task is not None:
                task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if not platform.anchors_media:
        terminal.say("rtpengine is not installed: audio goes straight between the caller and the media engine")
    for service in SERVICES:
        if not runnable(service):
            terminal.say(f"{service} has no program in this release: left out")
    try:
        async with platform:
            started = True
            if not stopping.is_set():
                terminal.say(_greeting(platform))
            await stopping.wait()
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
    terminal.say("stopped")
    return 0


def _greeting(platform: LocalPlatform) -> str:
    seeded = platform.seeded
    media = "through rtpengine" if rtpengine.installed() and platform.anchors_media else "straight to the media engine"
    lines = {
        "call": f"sip:{seeded.number}@{platform.sip}   (audio goes {media})",
        "phone": f"{seeded.sip_user} at {seeded.sip_realm}, password {seeded.sip_password}, proxy {platform.sip}"
        if seeded.sip_user and "registrar" in platform.names
        else "",
        "browser phone": _phone(platform),
        "application": f"http://{platform.host}:{platform.layout.application}/call   (for example: examples/hello.py)",
        "API": platform.api_url,
        "account": seeded.account_sid,
        "account key": seeded.account_key,
        "admin key": seeded.admin_key,
        "metrics": "   ".join(
            f"http://{platform.host}:{child.http_port}/metrics"
            for child in platform.children.values()
            if child.http_port
        ),
        "data, logs": str(platform.directory),
        "documentation": DOCS.format(api=platform.api_url),
    }
    return "\n" + "\n".join(f"  {name:<14} {value}" for name, value in lines.items() if value) + "\n"


def _phone(platform: LocalPlatform) -> str:
    """The page with its form filled in, where it was put together."""
    seeded = platform.seeded
    if not (PHONE / "sip.js" / "index.js").exists() or "registrar" not in platform.names or not seeded.sip_user:
        return ""
    form = {
        "server": f"ws://{platform.host}:{platform.layout.ws}",
        "realm": seeded.sip_realm,
        "user": seeded.sip_user,
        "password": seeded.sip_password,
    }
    return f"http://{platform.host}:{platform.layout.api}/phone/?{urlencode(form)}"


if __name__ == "__main__":
    sys.exit(main())
