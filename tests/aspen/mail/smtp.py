"""A mail server that keeps what it gets, answers as it is told, and can be made to wait."""

import contextlib
import email
import socket
import socketserver
import threading
from email.message import Message
from typing import Any


class MailServer(socketserver.ThreadingTCPServer):
    """Answers on a port of its own. `answers` gives, by the first word, what it says instead.

    `held` makes it take a message and say nothing about it until it is released.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.got: list[Message] = []
        self.answers: dict[str, str] = {}
        self.held = threading.Event()
        self.taken = threading.Event()
        self.held.set()
        self.connections = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.got]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that was killed breaks the conversation off; that is what is tested."""

    def close(self) -> None:
        self.held.set()
        self.shutdown()
        self.server_close()


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        self.say("220 ready")
        for line in self.rfile:
            command = line.decode().strip()
            word = command.split(" ")[0].split(":")[0].upper()
            answer = self.server.answers.get(command) or self.server.answers.get(word, "250 ok")
            if answer == "hang up":
                # Not close(): the files made of the socket would keep it open.
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            if word == "DATA" and answer == "250 ok":
                self.take()
                continue
            self.say("221 bye" if word == "QUIT" else answer)
            if word == "QUIT":
                return

    def take(self) -> None:
        self.say("354 go on")
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        answer = self.server.answers.get("END", "250 taken")
        if answer.startswith("250"):
            self.server.got.append(email.message_from_bytes(b"".join(lines)))
        self.server.taken.set()
        self.server.held.wait(30)
        if answer != "hang up":
            self.say(answer)
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()
