"""A WebSocket client for the tests, by RFC 6455, that can also send what no honest client would."""

import base64
import json
import os
import socket
import struct

import binary_stream

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(Exception):
    """The server closed the connection; `code` is None where it did so without a word."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code}: {reason}")
        self.code = code
        self.reason = reason


class WebSocket:
    def __init__(self, address, path="/v1/stream", headers=None, receive_buffer=None, timeout=10):
        host, port = address.rsplit(":", 1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((host, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {address}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
                 *(f"{name}: {value}" for name, value in (headers or {}).items()), "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self.socket.recv(1)
            if not piece:
                raise Closed(None, head.decode(errors="replace"))
            head += piece
        self.status = int(head.split()[1])
        self.lines = []  # Messages of the last text that have not been taken yet.

    def send_frame(self, opcode, payload, final=True, masked=True):
        first = opcode | (0x80 if final else 0)
        mask_bit = 0x80 if masked else 0
        if len(payload) < 126:
            head = struct.pack("!BB", first, mask_bit | len(payload))
        elif len(payload) < 1 << 16:
            head = struct.pack("!BBH", first, mask_bit | 126, len(payload))
        else:
            head = struct.pack("!BBQ", first, mask_bit | 127, len(payload))
        if masked:
            mask = os.urandom(4)
            payload = mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(head + payload)

    def ask(self, **request):
        self.send_frame(TEXT, json.dumps(request).encode())

    def _read(self, count):
        data = b""
        while len(data) < count:
            try:
                piece = self.socket.recv(min(count - len(data), 1 << 16))
            except ConnectionError:
                piece = b""
            if not piece:
                raise Closed(None)
            data += piece
        return data

    def _frame(self):
        first, second = self._read(2)
        length = second & 0x7F
        if length == 126:
            length, = struct.unpack("!H", self._read(2))
        elif length == 127:
            length, = struct.unpack("!Q", self._read(8))
        return first & 0x0F, bool(first & 0x80), self._read(length)

    def payload(self):
        """(opcode, bytes) of the next message; pings are answered, a close raises Closed."""
        parts = []
        kind = TEXT
        while True:
            opcode, final, payload = self._frame()
            if opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else None
                raise Closed(code, payload[2:].decode(errors="replace"))
            elif opcode != PONG:
                kind = opcode or kind
                parts.append(payload)
                if final:
                    return kind, b"".join(parts)

    def text(self):
        """The next message's bytes as a text."""
        return self.payload()[1].decode()

    def message(self):
        """The next message of the stream; a text carries one a line, bytes carry one after the other."""
        while not self.lines:
            opcode, payload = self.payload()
            if opcode == BINARY:
                self.lines = binary_stream.decode(payload)
            else:
                self.lines = [json.loads(line) for line in payload.decode().split("\n") if line]
        return self.lines.pop(0)

    def wait_for(self, **wanted):
        """The next message that has these members; what comes before it is dropped."""
        while True:
            message = self.message()
            if all(message.get(name) == value for name, value in wanted.items()):
                return message

    def close(self):
        self.socket.close()
