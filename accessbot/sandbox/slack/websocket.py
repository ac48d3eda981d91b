"""As much of RFC 6455 as Socket Mode needs: the server's handshake, text frames, ping, pong and close."""

import base64
import hashlib
import socket
import struct
import threading
from contextlib import suppress

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_CONTINUATION = 0x0
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL, _MASKED = 0x80, 0x80
_SHORT, _TWO_BYTES, _EIGHT_BYTES = 125, 126, 127
_MAX_FRAME = 1 << 20
_MAX_HEAD = 16 * 1024


class WebSocketError(ConnectionError):
    """The other side broke the protocol or is gone."""


def accept_key(key: str) -> str:
    """Return the Sec-WebSocket-Accept value for a client's key (RFC 6455, section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()


def read_head(connection: socket.socket) -> tuple[str, dict[str, str]]:
    """Read the opening HTTP request; return its target and headers (names in lower case).

    Raises:
        WebSocketError: it is not an HTTP GET, too long, or cut off.
    """
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte or len(head) > _MAX_HEAD:
            raise WebSocketError("the opening request is cut off or too long")
        head += byte
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if parts[0] != "GET" or len(parts) < 2:  # noqa: PLR2004 - method and target
        raise WebSocketError("the opening request is not a GET")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return parts[1], {name.strip().lower(): value.strip() for name, _, value in pairs}


class WebSocket:
    """One open connection, seen from the server. Sending is safe from any thread; one thread receives."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a socket whose opening request was read."""
        self._connection = connection
        self._sending = threading.Lock()

    def accept(self, headers: dict[str, str]) -> None:
        """Finish the handshake.

        Raises:
            WebSocketError: the client did not ask for a WebSocket.
        """
        key = headers.get("sec-websocket-key", "")
        if headers.get("upgrade", "").lower() != "websocket" or not key:
            self.refuse("400 Bad Request")
            raise WebSocketError("the client did not ask for a WebSocket")
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
        )
        self._connection.sendall(answer.encode())

    def refuse(self, status: str) -> None:
        """Answer the opening request with a failure."""
        self._connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    def send(self, text: str) -> None:
        """Send one text message.

        Raises:
            OSError: the connection is gone.
        """
        self._frame(TEXT, text.encode())

    def ping(self) -> None:
        """Ask whether the other side is there."""
        self._frame(PING, b"")

    def receive(self) -> str | None:
        """Return the next text message, answering pings meanwhile; None when the other side closed.

        Raises:
            WebSocketError: the protocol was broken or the connection cut.
        """
        message = b""
        while True:
            final, opcode, payload = self._read_frame()
            if opcode == CLOSE:
                with suppress(OSError):  # the other side may not wait for the echo
                    self._frame(CLOSE, payload[:2])
                return None
            if opcode == PING:
                self._frame(PONG, payload)
            elif opcode in {TEXT, _CONTINUATION}:
                message += payload
                if final:
                    return message.decode("utf-8")
            elif opcode != PONG:
                raise WebSocketError(f"frames of type {opcode} are not part of Socket Mode")

    def close(self) -> None:
        """Say goodbye and end the connection."""
        with suppress(OSError):  # already gone is what was wanted
            self._frame(CLOSE, struct.pack("!H", 1000))
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _frame(self, opcode: int, payload: bytes) -> None:
        if len(payload) <= _SHORT:
            head = struct.pack("!BB", _FINAL | opcode, len(payload))
        elif len(payload) < 1 << 16:
            head = struct.pack("!BBH", _FINAL | opcode, _TWO_BYTES, len(payload))
        else:
            head = struct.pack("!BBQ", _FINAL | opcode, _EIGHT_BYTES, len(payload))
        with self._sending:
            self._connection.sendall(head + payload)

    def _read_frame(self) -> tuple[bool, int, bytes]:
        first, second = self._exactly(2)
        length = second & 0x7F
        if not second & _MASKED:
            raise WebSocketError("frames of a client must be masked")
        if length == _TWO_BYTES:
            length = struct.unpack("!H", self._exactly(2))[0]
        elif length == _EIGHT_BYTES:
            length = struct.unpack("!Q", self._exactly(8))[0]
        if length > _MAX_FRAME:
            raise WebSocketError("the frame is too large")
        mask = self._exactly(4)
        payload = self._exactly(length)
        plain = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        return bool(first & _FINAL), first & 0x0F, plain

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._connection.recv(count - len(data))
            if not piece:
                raise WebSocketError("the connection was cut")
            data += piece
        return data
