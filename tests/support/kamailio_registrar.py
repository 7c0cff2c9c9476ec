"""Kamailio as a carrier's registrar: wants digest, answers OPTIONS."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from jambones.local.ports import free_port
from jambones.local.servers import tied

PROGRAM = "/usr/sbin/kamailio"
MODULES = ("kex", "sl", "tm", "pv", "textops", "siputils", "usrloc", "registrar", "auth")
CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
{modules}
modparam("usrloc", "db_mode", 0)
modparam("registrar", "default_expires", 120)
modparam("registrar", "max_expires", 120)
request_route {{
  if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("{realm}", "{password}", "0")) {{ www_challenge("{realm}", "0"); exit; }}
    if (!save("location")) {{ sl_reply_error(); }}
    exit;
  }}
  sl_send_reply("405", "Method Not Allowed");
  exit;
}}
"""


def installed() -> bool:
    return shutil.which(PROGRAM) is not None


@dataclass
class Kamailio:
    port: int
    process: asyncio.subprocess.Process

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


@asynccontextmanager
async def registrar(directory: Path, *, realm: str, password: str) -> AsyncIterator[Kamailio]:
    """Run one inside the block; its log is in `directory`."""
    port = free_port()
    modules = "\n".join(f'loadmodule "{name}.so"' for name in MODULES)
    config = directory / "kamailio.cfg"
    config.write_text(CONFIG.format(port=port, modules=modules, realm=realm, password=password))
    with (directory / "kamailio.log").open("wb") as log:
        command = [PROGRAM, "-f", str(config), "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(directory)]
        process = await asyncio.create_subprocess_exec(*tied(command), stdout=log, stderr=log)
    made = Kamailio(port, process)
    try:
        yield made
    finally:
        await made.stop()
