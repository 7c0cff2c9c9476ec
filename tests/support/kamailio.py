"""Kamailio as a carrier: a stateful proxy that wants digest, in front of a gateway. A second opinion on our SIP."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from jambones.local.ports import free_port, is_free
from jambones.local.servers import tied

MODULES = Path("/usr/lib/x86_64-linux-gnu/kamailio/modules")

CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
mpath="{modules}"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "sanity.so"
loadmodule "xlog.so"
loadmodule "auth.so"
modparam("rr", "append_fromtag", 1)
modparam("auth", "nonce_expire", 30)

request_route {{
    if (!sanity_check("17895", "7")) {{
        xlog("L_ERR", "insane $rm\\n");
        exit;
    }}
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (is_method("ACK") && !has_totag()) {{ t_check_trans(); exit; }}
    # The ACK of a challenge ends here, that of a 200 goes on.
    if (has_totag() && is_method("ACK")) {{ t_check_trans(); loose_route(); t_relay(); exit; }}
    # Each request of a dialog is challenged, as some carriers do.
    if (is_method("INVITE|BYE|UPDATE|INFO")) {{
        if ($sp != {gateway}) {{
            if (!pv_proxy_authenticate("carrier.example", "{password}", "0")) {{
                xlog("L_ERR", "challenged $rm $ci\\n");
                t_newtran();
                proxy_challenge("carrier.example", "1");
                exit;
            }}
            xlog("L_ERR", "accepted $rm $ci $au\\n");
            consume_credentials();
        }}
    }}
    if (has_totag()) {{
        if (!loose_route()) {{ sl_send_reply("404", "Not Here"); exit; }}
        t_relay();
        exit;
    }}
    record_route();
    $du = "sip:127.0.0.1:{gateway}";
    t_relay();
}}
"""


@dataclass
class Kamailio:
    """A running proxy; `log` is what it wrote."""

    port: int
    path: Path

    @property
    def log(self) -> str:
        return self.path.read_text(errors="replace")

    def count(self, words: str) -> int:
        return sum(words in line for line in self.log.splitlines())


def installed() -> bool:
    return shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None and MODULES.is_dir()


@asynccontextmanager
async def running(gateway: int, password: str) -> AsyncIterator[Kamailio]:
    """In front of the gateway at that UDP port of loopback; wants this password of whoever calls."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="jb-kam-") as name:
        directory = Path(name)
        (directory / "kamailio.cfg").write_text(
            CONFIG.format(port=port, gateway=gateway, password=password, modules=MODULES)
        )
        log = directory / "log"
        with log.open("wb") as out:
            program = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "kamailio"
            command = [
                program, "-f", str(directory / "kamailio.cfg"), "-DD", "-E", "-m", "64", "-M", "8", "-w", name,
                "-Y", name, "-P", str(directory / "pid"),
            ]  # fmt: skip
            process = await asyncio.create_subprocess_exec(
                *tied(command), stdout=out, stderr=out, start_new_session=True
            )
        try:
            async with asyncio.timeout(15):
                while is_free(port, udp=True):
                    if process.returncode is not None:
                        raise RuntimeError(f"kamailio ended: {log.read_text(errors='replace')[-2000:]}")
                    await asyncio.sleep(0.05)
            yield Kamailio(port, log)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                try:
                    async with asyncio.timeout(5):
                        await process.wait()
                except TimeoutError:
                    os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
