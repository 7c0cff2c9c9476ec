"""A tied program ends with the process that started it."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from jambones.local.servers import tied

STARTS_AND_TELLS = """
import signal, subprocess, sys
from jambones.local.servers import tied

deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
command = tied([sys.executable, "-c", deaf], signal.Signals(int(sys.argv[1])))
program = subprocess.Popen(command, stdout=subprocess.PIPE)
program.stdout.readline()
print(program.pid, flush=True)
signal.pause()
"""


def test_a_tied_program_runs_as_it_would_alone() -> None:
    program = [sys.executable, "-c", "import sys; print(sys.argv[1:]); sys.exit(3)", "a b", "$HOME", ""]
    done = subprocess.run(tied(program), capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "['a b', '$HOME', '']\n", "")


def test_it_does_not_begin_when_who_wanted_it_has_died_meanwhile(tmp_path: Path) -> None:
    # The shell stands for the process that takes over orphans.
    marker = tmp_path / "began"
    command = tied(["touch", str(marker)])
    subprocess.run(["/bin/sh", "-c", '"$@"; true', "sh", *command], timeout=20, check=True)
    assert not marker.exists()
    subprocess.run(command, timeout=20, check=True)
    assert marker.exists()


@pytest.mark.parametrize("number", [2, 9], ids=["SIGINT", "SIGKILL"])
def test_it_gets_its_signal_when_who_started_it_is_killed(number: int) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTS_AND_TELLS, str(number)], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    with starter:
        program = psutil.Process(int(starter.stdout.readline()))
        try:
            assert program.is_running()
            starter.kill()
            psutil.wait_procs([program], timeout=20)
            assert not program.is_running() or program.status() == psutil.STATUS_ZOMBIE
        finally:
            if program.is_running():
                program.kill()
