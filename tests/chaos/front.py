"""A Caddy in front of sites, with what docker/Caddyfile says of the way to them."""

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from quality.start.preflight import read_var_dir
from tests.faults import free_port
from tests.serving import ROOT, Site

START_SECONDS = 60
# Whoever is the front of several has to know which of them is ready.
CHECKED = """
health_uri /health/ready
health_interval 500ms
health_timeout 5s
"""
# On plain HTTP, on a port of its own; TLS is no part of what is tried here.
CONFIGURATION = """
{
    admin off
    auto_https off
}
http://127.0.0.1:%(port)d {
    %(way)s
}
"""


class Front:
    """Its address stays while the sites behind it come and go."""

    def __init__(self, home: Path, sites: Sequence[Site]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home / "caddy.log"
        self._configuration = home / "Caddyfile"
        text = (ROOT / "docker" / "Caddyfile").read_text()
        found = re.search(r"^\treverse_proxy (\S+) \{\n.*?^\t\}\n", text, re.MULTILINE | re.DOTALL)
        assert found is not None, "docker/Caddyfile names no reverse_proxy"
        way = found[0].replace(found[1], " ".join(f"{site.address}:{site.port}" for site in sites))
        if len(sites) > 1:
            way = way.replace("{\n", "{\n" + CHECKED, 1)
        self._configuration.write_text(CONFIGURATION % {"port": self.port, "way": way})
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it passes on what it is asked."""
        # Not Debian's, which forgets the body of a request that it has to hold.
        caddy = read_var_dir(os.environ) / "image" / "caddy"
        assert caddy.exists(), f"{caddy} is missing. `make chaos` brings it."
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                [caddy, "run", "--config", self._configuration, "--adapter", "caddyfile"],
                env=os.environ | {"HOME": str(self._configuration.parent)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Caddy did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.terminate()
            child.wait(60)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/live", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
