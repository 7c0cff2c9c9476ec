"""SIPp as load: one run, what it counted, how long each call waited."""

import csv
import math
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from jambones.local.ports import free_port
from jambones.local.servers import tied

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Load:
    """What SIPp saw of one run; times in milliseconds."""

    placed: int
    failed: int
    seconds: float
    setup_ms: list[float]
    errors: str

    @property
    def per_second(self) -> float:
        return (self.placed - self.failed) / self.seconds if self.seconds else 0.0

    def setup(self, quantile: float) -> float:
        """The setup time (INVITE to 200) that `quantile` of the calls did not exceed."""
        if not self.setup_ms:
            return math.nan
        ordered = sorted(self.setup_ms)
        return ordered[min(len(ordered) - 1, math.ceil(quantile * len(ordered)) - 1)]

    @property
    def median_ms(self) -> float:
        return statistics.median(self.setup_ms) if self.setup_ms else math.nan


def available() -> bool:
    return shutil.which("sipp") is not None


def call(
    target: str,
    number: str,
    *,
    rate: int,
    calls: int,
    limit: float = 120,
    scenario: str = "caller",
    keys: Mapping[str, str] | None = None,
) -> Load:
    """Place `calls` calls to `number` at `target` ("127.0.0.1:5060"), `rate` a second; each ends as the scenario says.

    `keys` fills [name] in the scenario. Blocking. The run is killed after `limit` seconds; what did not come to an end
    by then counts as failed.
    """
    with tempfile.TemporaryDirectory(prefix="jb-sipp-") as directory:
        command = [
            "sipp", target, "-sf", str(SCENARIOS / f"{scenario}.xml"), "-s", number, "-i", "127.0.0.1",
            "-mi", "127.0.0.1", "-mp", str(_media_port("127.0.0.1")), "-m", str(calls), "-r", str(rate), "-rp", "1000",
            "-l", str(max(100, rate * 10)), "-recv_timeout", "30000", "-trace_rtt", "-rtt_freq", "1", "-trace_stat",
            "-fd", "1", "-trace_err", "-nostdin", "-timeout", f"{int(limit)}", "-timeout_error",
        ]  # fmt: skip
        for name, value in (keys or {}).items():
            command += ["-key", name, value]
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            if time.monotonic() - started > limit + 10:
                process.kill()
            time.sleep(0.2)
        seconds = time.monotonic() - started
        return _read(Path(directory), scenario, calls, rate, seconds)


@contextmanager
def callee(port: int, host: str = "127.0.0.1", scenario: str = "callee") -> Iterator[psutil.Process]:
    """A SIPp that does to every call on `port` what the scenario says: answer, and hang up after a second."""
    with tempfile.TemporaryDirectory(prefix="jb-sipp-") as directory:
        command = [
            "sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", host, "-p", str(port),
            "-mp", str(_media_port(host)), "-nostdin",
        ]  # fmt: skip
        process = subprocess.Popen(tied(command), cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            yield psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait(5)


def _media_port(host: str) -> int:
    """Where SIPp may take four ports for audio: above those of rtpengine on a machine where the platform runs."""
    return free_port(host, near=46000, span=4)


def _read(directory: Path, scenario: str, calls: int, rate: int, seconds: float) -> Load:
    good, setup = 0, []
    for path in directory.glob("*_rtt.csv"):
        with path.open(newline="") as lines:
            for row in csv.reader(lines, delimiter=";"):
                try:
                    setup.append(float(row[1]))
                except (IndexError, ValueError):
                    continue
    for path in directory.glob(f"{scenario}_*_.csv"):
        with path.open(newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter=";"))
            if rows:
                good = int(rows[-1]["SuccessfulCall(C)"])
    errors = "".join(p.read_text(errors="replace")[:2000] for p in directory.glob("*_errors.log"))
    # The calls of the last second still have to be heard out: the time in which calls were placed is what counts.
    return Load(calls, calls - good, calls / rate if good == calls else seconds, setup, errors)
