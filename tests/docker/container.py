"""Runs a service of compose.yml in the root file system of the image, as far as a chroot can.

As Docker would: the root read-only, the service's volumes and nothing else to write to, its user,
its rights, its environment. Not as Docker would: this machine's network and processes, no limits.
"""

import json
import os
import re
import shlex
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.docker.compose import DOCKER, services, volumes
from tests.docker.front import HOME

IMAGE = "localhost/quality"
START_SECONDS = 60
_NAME = re.compile(r"\$\{?(\w+)\}?")


def buildah(*arguments: str) -> str:
    places = (f"--root={HOME / 'store'}", f"--runroot={HOME / 'run'}", "--storage-driver=vfs")
    done = subprocess.run(
        ["buildah", *places, *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{done.stderr}\n`make image` builds the image."
    return done.stdout.strip()


def configuration() -> dict[str, Any]:
    """What the image says of itself, in the words of its specification."""
    told: dict[str, Any] = json.loads(buildah("inspect", "--type=image", IMAGE))
    return told


@dataclass
class Machine:
    """The root file system of the image, and the volumes of one machine's services."""

    root: Path
    volumes: Path
    config: dict[str, Any]
    # What differs from compose, as there is no network of its own: ports, mostly.
    changes: dict[str, str] = field(default_factory=dict)

    def source(self, name: str) -> Path:
        # What people give is nothing here, whatever lies in this checkout's docker/secrets.
        if name.startswith(".") and name != "./secrets":
            return DOCKER / name
        return self.volumes / ("given" if name == "./secrets" else name)

    def command(self, service: str, *command: str, **changes: str) -> list[str]:
        """What runs `command`, or the service's own, in a namespace of mounts."""
        told = services()[service]
        image = self.config["OCIv1"]["config"]
        environment = dict(one.split("=", 1) for one in image["Env"])
        environment |= told.get("environment", {}) | self.changes | changes
        words = list(command or told.get("command") or image["Cmd"])
        return [
            *("unshare", "--mount", "--propagation=private", "sh", "-euc"),
            self._script(told, image["WorkingDir"], environment, words),
        ]

    def _script(
        self, told: dict[str, Any], folder: str, environment: dict[str, str], words: list[str]
    ) -> str:
        root = shlex.quote(str(self.root))
        lines = [f"mount --bind {root} {root}"]
        for target, source in volumes(told).items():
            name, _colon, mode = source.partition(":")
            # A place in the root that is not there yet is made, as Docker does.
            place = shlex.quote(f"{self.root}{target}")
            lines += [
                f"mkdir -p {place}",
                f"mount --bind {shlex.quote(str(self.source(name)))} {place}",
            ]
            if mode == "ro":
                lines.append(f"mount -o remount,bind,ro {place}")
        lines += [f"mount -t tmpfs tmpfs {root}{place}" for place in told.get("tmpfs", [])]
        lines += [f"mount --rbind /{place} {root}/{place}" for place in ("dev", "proc")]
        lines.append(f"mount -o remount,bind,ro {root}")
        user = told.get("user", "1000:1000").partition(":")[0]
        rights = "".join(f",+{name.lower()}" for name in told.get("cap_add", []))
        inside = [
            *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all"),
            *(f"--bounding-set=-all{rights}", "--no-new-privs"),
            *("env", "-i", f"--chdir={folder}"),
            *(f"{name}={value}" for name, value in environment.items()),
            *words,
        ]
        lines.append(f"exec chroot {root} {shlex.join(inside)}")
        return "\n".join(lines)

    def run(self, service: str, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(service, *command, **changes),
            capture_output=True,
            text=True,
            timeout=300,
        )

    def start(self, service: str, log: Path, **changes: str) -> "subprocess.Popen[bytes]":
        with log.open("ab") as output:
            return subprocess.Popen(
                self.command(service, **changes),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


def end(process: "subprocess.Popen[bytes]", seconds: float) -> int:
    """As `docker stop` does: SIGTERM, and SIGKILL after the grace period. The exit code."""
    process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
