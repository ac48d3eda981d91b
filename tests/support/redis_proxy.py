"""What stands between a store and its server, and loses or refuses what tests tell it to."""

from __future__ import annotations

import socket
import threading


class Proxy:
    """Stands between a store and its server; swallows the next `lose` answers, and cuts the connection then.

    While `refusal` is set every command is answered with that error, up to `refusals` of them, and goes no further.
    """

    def __init__(self, url: str, lose: int = 0, refusal: str = "", refusals: int = 0) -> None:
        """Listen on a free port of the loopback address."""
        self.refusal, self.refusals = refusal, refusals
        self.upstream = int(url.rpartition(":")[2].partition("/")[0])
        self.lose = lose
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self.upstream)) as far:
            while asked := near.recv(1 << 20):
                if self.refusals:
                    self.refusals -= 1
                    near.sendall(f"-{self.refusal}\r\n".encode() * asked.count(b"*"))
                    continue
                far.sendall(asked)
                answer = far.recv(1 << 20)
                if self.lose and b"EVAL" in asked and not answer.startswith(b"-NOSCRIPT"):
                    self.lose -= 1
                    return
                near.sendall(answer)

    def close(self) -> None:
        """Take no more connections."""
        self.listener.close()
