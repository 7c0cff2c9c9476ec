"""Kamailio as the reference: a registrar with digest, and a proxy in front of one gateway."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from jambones.local.ports import free_port, is_free
from jambones.local.servers import tied

MODULES = Path("/usr/lib/x86_64-linux-gnu/kamailio/modules")
LOADED = ("kex", "tm", "tmx", "sl", "rr", "pv", "maxfwd", "textops", "siputils", "usrloc", "registrar", "auth")
CONFIG = """\
#!KAMAILIO
debug=0
log_stderror=yes
children=2
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
mpath="{path}"
{modules}
modparam("rr", "append_fromtag", 1)
modparam("usrloc", "db_mode", 0)

request_route {{
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("{realm}", "password", "0")) {{ www_challenge("{realm}", "0"); exit; }}
        if (!save("location")) {{ sl_reply_error(); }}
        exit;
    }}
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
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


def available() -> bool:
    return _program() is not None and MODULES.is_dir()


@contextmanager
def running(*, realm: str = "bench.example", gateway: int = 9) -> Iterator[tuple[int, psutil.Process]]:
    """Its UDP port on loopback, and its process with children. INVITEs go to `gateway`, another port there."""
    port = free_port()
    modules = "\n".join(f'loadmodule "{name}.so"' for name in LOADED)
    with tempfile.TemporaryDirectory(prefix="jb-kam-") as name:
        config = Path(name) / "kamailio.cfg"
        config.write_text(CONFIG.format(port=port, path=MODULES, modules=modules, realm=realm, gateway=gateway))
        command = [_program() or "kamailio", "-f", str(config), "-DD", "-E", "-m", "128", "-M", "8", "-w", name]
        command += ["-Y", name, "-P", str(Path(name) / "pid")]
        process = subprocess.Popen(
            tied(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            until = time.monotonic() + 15
            while is_free(port, udp=True):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("kamailio does not start")
                time.sleep(0.05)
            yield port, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)


def spent(process: psutil.Process) -> float:
    """CPU seconds of the process and its children so far."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def _program() -> str | None:
    return shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
