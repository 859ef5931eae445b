"""A mail server that stores messages, sends chosen replies and can be made to wait."""

import contextlib
import email
import socket
import socketserver
import threading
from email.message import Message
from typing import Any


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server that listens on a free port, or on the one given.

    `replies` maps a command, or the first word of one, to the reply to send instead of “250 ok”.
    While `may_reply` is clear, the server accepts messages but does not reply.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.messages: list[Message] = []
        self.replies: dict[str, str] = {}
        self.may_reply = threading.Event()
        self.has_message = threading.Event()
        self.may_reply.set()
        self.connections = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.messages]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore lost connections, because tests kill the sender."""

    def close(self) -> None:
        self.may_reply.set()
        self.shutdown()
        self.server_close()


class _Connection(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        self.send("220 ready")
        for line in self.rfile:
            command = line.decode().strip()
            word = command.split(" ")[0].split(":")[0].upper()
            reply = self.server.replies.get(command) or self.server.replies.get(word, "250 ok")
            if reply == "hang up":
                # Not close(), because the socket's files would keep it open.
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            if word == "DATA" and reply == "250 ok":
                self.receive()
                continue
            self.send("221 bye" if word == "QUIT" else reply)
            if word == "QUIT":
                return

    def receive(self) -> None:
        self.send("354 go on")
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        reply = self.server.replies.get("END", "250 accepted")
        if reply.startswith("250"):
            self.server.messages.append(email.message_from_bytes(b"".join(lines)))
        self.server.has_message.set()
        self.server.may_reply.wait(30)
        if reply != "hang up":
            self.send(reply)
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def send(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()
