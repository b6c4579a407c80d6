"""A proxy that breaks the streams of a web server again and again."""

from __future__ import annotations

import contextlib
import socket
import threading

#: A browser waits this long before it connects again; the server asks for a second.
_SOON = (b"retry: 1000\n", b"retry: 0010\n")


class CuttingProxy:
    """I forward connections to a port of this machine. I cut the streams of a log after some of their bytes.

    @ivar port: my own port.
    @ivar cuts: how many streams I have cut.
    """

    def __init__(self, to: int, most: int) -> None:
        """@param most: the number of cuts; after that I forward everything."""
        self._to = to
        self._most = most
        self.cuts = 0
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Accept no more connections."""
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        """Forward one request; its answer ends the connection."""
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(("127.0.0.1", self._to)) as server,
        ):
            head = b""
            while b"\r\n\r\n" not in head:
                data = client.recv(65536)
                if not data:
                    return
                head += data
            server.sendall(
                head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1).replace(b"keep-alive", b"close")
            )
            isStream = b"/follow?" in head.split(b"\r\n", 1)[0]
            left = self._allowed() if isStream else None
            while data := server.recv(65536):
                data = data.replace(*_SOON)
                if left is not None and left <= len(data):
                    client.sendall(data[:left])
                    return
                client.sendall(data)
                if left is not None:
                    left -= len(data)

    def _allowed(self) -> int | None:
        """The bytes that the next stream may have before it is cut; None: all.

        The last cut is in the head of an answer, the others are in lines and events.
        """
        with self._lock:
            if self.cuts >= self._most:
                return None
            self.cuts += 1
            return 100 if self.cuts == self._most else 1500 + self.cuts * 997 % 2500
