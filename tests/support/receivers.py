"""The other end of channels: an HTTP server and an SMTP server that keep what they are sent."""

from __future__ import annotations

import base64
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Posted:
    """One request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hooks:
    """A webhook's server: answers `status` (the first of `once` first), and keeps every request."""

    url: str = ""
    status: int = 200
    once: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b"taken"
    posts: list[Posted] = field(default_factory=list)

    def ids(self) -> list[str]:
        """The notices' ids, in the order of their arrival."""
        return [each.headers["webhook-id"] for each in self.posts]


@contextmanager
def hooks() -> Generator[Hooks]:
    """A webhook's server on a free port."""
    kept = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.posts.append(Posted(self.path, {name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(kept.once.pop(0) if kept.once else kept.status)
            for name, text in kept.headers.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(kept.answer)))
            self.end_headers()
            self.wfile.write(kept.answer)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield kept
        server.shutdown()


@dataclass
class Mails:
    """A mail server: what it took, and what it is to refuse (address -> answer)."""

    port: int = 0
    refusing: dict[str, str] = field(default_factory=dict)
    data_answer: str = "250 taken"
    users: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)


@contextmanager
def mails(certificate: tuple[Path, Path] | None = None, *, tls: bool = False) -> Generator[Mails]:
    """A mail server (RFC 5321, and of its extensions STARTTLS and AUTH PLAIN) on a free port."""
    kept = Mails()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

    class Session(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def secure(self) -> None:
            assert context is not None
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]

        def handle(self) -> None:
            with suppress(OSError):
                self._handle()
            with suppress(OSError):
                self.connection.close()

        def _handle(self) -> None:
            secured = tls
            if tls:
                self.secure()
            to: list[str] = []
            self.say("220 sink")
            while line := self.rfile.readline().decode().rstrip():
                verb = line.split()[0].upper()
                if verb in ("EHLO", "HELO"):
                    offered = ["250-sink"] + ["250-STARTTLS"] * (context is not None and not secured)
                    for each in (*offered, *(["250-AUTH PLAIN"] if kept.users else []), "250 8BITMIME"):
                        self.say(each)
                elif verb == "STARTTLS":
                    self.say("220 go ahead")
                    self.secure()
                    secured = True
                elif verb == "AUTH":
                    _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                    right = kept.users.get(user) == password
                    kept.signed_in += [user] * right
                    self.say("235 welcome" if right else "535 wrong password")
                elif verb == "MAIL":
                    to = []
                    self.say("250 ok")
                elif verb == "RCPT":
                    address = line.partition("<")[2].partition(">")[0]
                    answer = kept.refusing.get(address, "250 ok")
                    to += [address] * answer.startswith("250")
                    self.say(answer)
                elif verb == "DATA":
                    self.say("354 go ahead")
                    held: list[bytes] = []
                    while (text := self.rfile.readline()) != b".\r\n":
                        held.append(text.removeprefix(b"."))
                    if kept.data_answer.startswith("250"):
                        message = message_from_bytes(b"".join(held), policy=policy.default)
                        assert isinstance(message, EmailMessage)
                        kept.taken.append((to, message))
                        kept.secured.append(secured)
                    self.say(kept.data_answer)
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        kept.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield kept
        server.shutdown()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key, signed by itself."""
    made, key = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key
