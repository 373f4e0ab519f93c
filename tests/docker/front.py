"""Runs a real Caddy with docker/Caddyfile, as the front does."""

import http.client
import os
import socket
import ssl
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Self

from quality.start.preflight import read_var_dir
from tests.docker.compose import DOCKER
from tests.faults import free_port

START_SECONDS = 60
HOME = read_var_dir(os.environ) / "image"
INTERNAL = "tls internal\n"


def brought(name: str) -> Path:
    """A program that `make image` has unpacked."""
    path = HOME / name
    assert path.exists(), f"{path} is missing. `make image` brings it."
    return path


class Front:
    """TLS on a port of loopback, for a site that listens on another one."""

    def __init__(self, home: Path, upstream: int, *, host: str = "localhost") -> None:
        self.home, self.host = home, host
        self.http_port, self.https_port = free_port(), free_port()
        self.log = home / "caddy.log"
        self.tls = home / "tls.caddy"
        self.tls.write_text(INTERNAL)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
            "SITE_HOST": host,
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.https_port),
            "UPSTREAM": f"127.0.0.1:{upstream}",
            "TLS_CONFIGURATION": str(self.tls),
        }

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.https_port}"

    def __enter__(self) -> Self:
        command = [
            brought("caddy"),
            "run",
            "--config",
            DOCKER / "Caddyfile",
            "--adapter",
            "caddyfile",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            ended = self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.__exit__()
                raise AssertionError(self.log.read_text())
            time.sleep(0.05)
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def _answers(self) -> bool:
        try:
            if self.tls.read_text() == INTERNAL:
                # Its certificate is made a moment after the port is open.
                address = (self.host, self.https_port)
                with (
                    socket.create_connection(address, timeout=10) as made,
                    self.context().wrap_socket(made, server_hostname=self.host),
                ):
                    pass
            self.plain("/")
        except OSError:
            return False
        return True

    @property
    def root(self) -> Path:
        """The certificate of whoever has signed the site's."""
        return self.home / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def context(self, authority: Path | None = None) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(authority or self.root))

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        authority: Path | None = None,
        **headers: str,
    ) -> int:
        """The status of what is answered by TLS."""
        connection = http.client.HTTPSConnection(
            self.host, self.https_port, context=self.context(authority), timeout=60
        )
        with closing(connection):
            connection.request(method, path, body, headers)
            return connection.getresponse().status

    def plain(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what is answered without TLS."""
        connection = http.client.HTTPConnection(self.host, self.http_port, timeout=60)
        with closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
