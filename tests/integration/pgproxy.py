"""A proxy before PostgreSQL that cuts a connection before or after a COMMIT arrives."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

#: How a COMMIT of a store that writes ends in the bytes of a connection.
COMMIT = b";COMMIT\0"


class Proxy:
    """I listen at a port of the loopback interface and pass bytes on to the socket of a server.

    @ivar choose: is asked at each COMMIT that writes: "" passes it on; "before" cuts the connection instead;
        "after" passes it on, waits for the answer, and cuts the connection instead of passing that on.
    @ivar cuts: the number of cuts so far.
    """

    def __init__(self, home: str, choose: Callable[[], str]) -> None:
        self.choose = choose
        self.cuts = 0
        self._target = os.path.join(home, ".s.PGSQL.5432")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no new connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        isHeld = threading.Event()
        with client, server, suppress(OSError):
            server.connect(self._target)
            back = threading.Thread(target=self._answers, args=(server, client, isHeld), daemon=True)
            back.start()
            while data := client.recv(65536):
                how = self.choose() if data.endswith(COMMIT) else ""
                if how:
                    self.cuts += 1
                if how == "before":
                    break
                if how == "after":
                    isHeld.set()
                    server.sendall(data)
                    back.join()
                    break
                server.sendall(data)
            for each in (client, server):
                each.shutdown(socket.SHUT_RDWR)

    def _answers(self, server: socket.socket, client: socket.socket, isHeld: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if isHeld.is_set():
                    return
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
