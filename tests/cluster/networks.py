"""Networks of one machine each: namespaces of the kernel, at a switch of its own."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Self


def why_not() -> str:
    """What keeps this machine from having such networks; "" when nothing does."""
    if os.geteuid() != 0:
        return "networks of one's own take root"
    if shutil.which("ip") is None:
        return "there is no `ip` here (Debian: iproute2)"
    tried = _ip("netns", "add", "quality-try", check=False)
    _ip("netns", "delete", "quality-try", check=False)
    return f"this kernel gives none: {tried.stderr.strip()}" if tried.returncode else ""


class Switch:
    """Where all cables meet, this machine's too: `here` is its address there."""

    here = "10.231.0.1"
    name = "quality-switch"

    def __enter__(self) -> Self:
        # Left by a run that was killed.
        self.__exit__()
        _ip("link", "add", self.name, "type", "bridge")
        _ip("address", "add", f"{self.here}/24", "dev", self.name)
        _ip("link", "set", self.name, "up")
        return self

    def __exit__(self, *_: object) -> None:
        _ip("link", "delete", self.name, check=False)


class Network:
    """A machine of its own at the switch, as far as its network goes."""

    def __init__(self, switch: Switch, number: int) -> None:
        self.name = f"quality-web{number}"
        self.address = f"10.231.0.{10 + number}"
        self.prefix = ("ip", "netns", "exec", self.name)
        self._cable = f"quality-w{number}"
        self._switch = switch

    def __enter__(self) -> Self:
        self.__exit__()
        there = f"{self._cable}t"
        _ip("netns", "add", self.name)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", there, "netns", self.name)
        _ip("-n", self.name, "address", "add", f"{self.address}/24", "dev", there)
        for name in ("lo", there):
            _ip("-n", self.name, "link", "set", name, "up")
        _ip("link", "set", self._cable, "master", self._switch.name, "up")
        return self

    def __exit__(self, *_: object) -> None:
        # The cable would go with it, but a moment later.
        _ip("link", "delete", self._cable, check=False)
        _ip("netns", "delete", self.name, check=False)

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """The cable is out of the switch: nothing is refused, nothing arrives."""
        _ip("link", "set", self._cable, "nomaster")
        try:
            yield
        finally:
            _ip("link", "set", self._cable, "master", self._switch.name)

    @contextlib.contextmanager
    def bad(self, *netem: str) -> Iterator[None]:
        """As `tc netem` knows it: `delay 100ms 20ms`, `loss 5%`. Raises OSError where it is not."""
        command = ["tc", "qdisc", "add", "dev", self._cable, "root", "netem", *netem]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(done.stderr.strip())
        try:
            yield
        finally:
            subprocess.run(["tc", "qdisc", "delete", "dev", self._cable, "root"], check=True)


def _ip(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=check)
