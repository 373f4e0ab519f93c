"""Programs that take in what is sent to them: a mail server, and a web server."""

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Post(socketserver.ThreadingTCPServer):
    """Speaks SMTP, as far as a client needs it; `refusals` are answered before it takes any."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refusals: list[bytes] = []
        self.tries = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Conversation(socketserver.StreamRequestHandler):
    server: Post

    def handle(self) -> None:
        self._say(b"220 here")
        while line := self.rfile.readline():
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                self._say(b"221 bye")
                return
            if verb == b"MAIL":
                self.server.tries += 1
                if self.server.refusals:
                    self._say(self.server.refusals.pop(0))
                    continue
            if verb == b"RCPT":
                self.server.recipients.append(line.decode().strip())
            if verb == b"DATA":
                self._say(b"354 go on")
                self._take()
            self._say(b"250 well")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        message: Any = message_from_bytes(b"".join(lines), policy=policy.default)
        self.server.messages.append(message)

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


class Web(ThreadingHTTPServer):
    """Takes JSON; `answers` are given before it is content."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.bodies: list[Any] = []
        self.paths: list[str] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?token=secret-token"


class Babbler(socketserver.ThreadingTCPServer):
    """Answers whoever comes by the same bytes, `times` with a short break between them."""

    daemon_threads = True

    def __init__(self, answer: bytes, *, times: int = 1) -> None:
        super().__init__(("127.0.0.1", 0), _Babble)
        self.answer = answer
        self.times = times
        self.tries = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Babble(socketserver.BaseRequestHandler):
    server: Babbler

    def handle(self) -> None:
        self.server.tries += 1
        with suppress(OSError):
            if self.server.times == 1:
                self.request.recv(65536)
            for _ in range(self.server.times):
                self.request.sendall(self.server.answer)
                time.sleep(0.1 if self.server.times > 1 else 0)


class _Hook(BaseHTTPRequestHandler):
    server: Web

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        status = self.server.answers.pop(0) if self.server.answers else 200
        if status == 200:
            self.server.bodies.append(json.loads(body))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def receiving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, name="receiver", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
