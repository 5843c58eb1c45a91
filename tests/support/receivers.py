"""Real receivers on this machine: of mails, and of webhooks."""

from __future__ import annotations

import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["Mailbox", "Received", "Webhook", "mail_server", "webhook_server"]


@dataclass
class Mailbox:
    """What a mail server was given, and what it answers.

    Attributes:
        port: Where it listens.
        mails: The mails that it took, with those they are for.
        answers: What it says to the commands that are named, instead of taking them.
        said: All that was said to it but for mails.
    """

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


class _Smtp(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as sending a mail takes."""

    def handle(self) -> None:
        box: Mailbox = self.server.box  # type: ignore[attr-defined]
        to: list[str] = []
        self._say("220 here")
        while line := self.rfile.readline():
            command, _, rest = line.decode().strip().partition(" ")
            box.said.append(line.decode())
            command = command.upper()
            if command in box.answers:
                self._say(box.answers[command])
            elif command == "DATA":
                self._say("354 go on")
                box.mails.append((to, self._mail()))
                to = []
                self._say("250 taken")
            elif command == "QUIT":
                self._say("221 bye")
                return
            else:
                to += [rest.partition(":")[2].strip("<>")] if command == "RCPT" else []
                self._say("250 fine")

    def _mail(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        found = message_from_bytes(b"".join(lines), policy=default)
        assert isinstance(found, EmailMessage)
        return found

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Threading(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Run a mail server."""
    box = Mailbox()
    with _Threading(("127.0.0.1", 0), _Smtp) as server:
        server.box = box  # type: ignore[attr-defined]
        box.port = server.server_address[1]
        with _served(server):
            yield box


@dataclass(frozen=True)
class Received:
    """A request that a webhook got: its headers, and its body."""

    headers: dict[str, str]
    body: bytes
    path: str


@dataclass
class Webhook:
    """What takes requests, and how it answers.

    Attributes:
        url: Where it is.
        received: The requests that it got.
        answer: Given how many there were before, what it says: a status with headers.
        drip: Seconds between the bytes of its answer.
    """

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _number: (200, {})
    drip: float = 0


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        hook: Webhook = self.server.hook  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        number = len(hook.received)
        hook.received.append(Received(dict(self.headers), body, self.path))
        status, headers = hook.answer(number)
        if hook.drip:
            with suppress(OSError):
                for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
                    self.wfile.write(bytes((byte,)))
                    time.sleep(hook.drip)
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def webhook_server(certificate: Path | None = None) -> Iterator[Webhook]:
    """Run what takes webhooks, by TLS where there is a file with a certificate and its key."""
    hook = Webhook()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hook) as server:
        server.daemon_threads = True
        server.hook = hook  # type: ignore[attr-defined]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, True, do_handshake_on_connect=False)
        hook.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}/hook"
        with _served(server):
            yield hook


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
