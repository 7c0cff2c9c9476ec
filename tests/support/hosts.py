"""Hosts of their own: network namespaces on one bridge, each with its address. A test may make one vanish.

What runs in the test's own namespace is at `Network.address`. Making them takes root.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


class NoNamespaces(Exception):
    """This machine does not let us make network namespaces; the text says why."""


@dataclass(frozen=True)
class Host:
    """One namespace. Commands run there with `inside`."""

    namespace: str
    link: str
    """Its cable's end at the bridge."""
    address: str

    def inside(self, command: list[str]) -> list[str]:
        # Not `ip netns exec`, which also mounts a /sys of its own: a container may refuse that.
        return ["nsenter", f"--net=/run/netns/{self.namespace}", "--", *command]

    def vanish(self) -> None:
        """Pull the cable: nothing comes from it and nothing reaches it, without any word to its peers."""
        _ip("link", "set", self.link, "down")


@dataclass(frozen=True)
class Network:
    """A bridge with hosts; 10.77.x.1 is ours, .11 and on theirs."""

    address: str
    cidr: str
    hosts: list[Host]

    @classmethod
    @contextmanager
    def open(cls, count: int) -> Iterator["Network"]:
        """Raises NoNamespaces."""
        if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("nsenter") is None:
            raise NoNamespaces("network namespaces take root, ip and nsenter")
        number = os.getpid() % 250
        bridge, prefix = f"jb{number}", f"10.77.{number}"
        with ExitStack() as stack:
            try:
                _ip("link", "add", bridge, "type", "bridge")
                stack.callback(_ip, "link", "delete", bridge)
                _ip("address", "add", f"{prefix}.1/24", "dev", bridge)
                _ip("link", "set", bridge, "up")
                hosts = [_host(stack, bridge, prefix, each) for each in range(1, count + 1)]
            except (subprocess.CalledProcessError, OSError) as exc:
                said = exc.stderr.strip() if isinstance(exc, subprocess.CalledProcessError) else str(exc)
                raise NoNamespaces(said) from exc
            yield cls(f"{prefix}.1", f"{prefix}.0/24", hosts)


def _host(stack: ExitStack, bridge: str, prefix: str, number: int) -> Host:
    host = Host(f"{bridge}-{number}", f"{bridge}-{number}", f"{prefix}.{10 + number}")
    _ip("netns", "add", host.namespace)
    stack.callback(_ip, "netns", "delete", host.namespace)
    _ip("link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
    # The kernel forgets a namespace when it finds the time; the next test wants the names at once.
    stack.callback(_ip, "link", "delete", host.link)
    _ip("link", "set", host.link, "master", bridge, "up")
    _ip("-n", host.namespace, "link", "set", "lo", "up")
    _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
    _ip("-n", host.namespace, "link", "set", "eth0", "up")
    return host


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=10)
