"""Clients that load a web server: C{python -m tests.benchmarks.webload --port PORT [options]}.

They are polite (C{--rate} requests a second over a few connections), curious (C{--streams} open pages), mute
(C{--mute} connections that ask and never read) and rude (connections that are cut with RST at random moments,
as fast as possible, up to C{--aborts}). After C{--seconds}, and at most as many more for the rude ones, it
prints one line of JSON with what happened.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
import time
from collections import Counter

#: The pages that the polite clients ask for.
PAGES = ("/", "/builders", "/waterfall", "/buildslaves", "/one_line_per_build", "/changes", "/about", "/grid")
_CONNECTIONS = 8
#: The rude clients at a time.
_RUDE = 4
_LINGER = struct.pack("ii", 1, 0)


class Load:
    """I am all clients of one server."""

    def __init__(self, port: int, rate: float, streams: int, mute: int, aborts: int, seconds: float) -> None:
        self.port = port
        self.rate = rate
        self.streams = streams
        self.mute = mute
        self.aborts = aborts
        self.seconds = seconds
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.streamBytes = 0
        self.openStreams = 0
        self.aborted = 0
        self.refused = 0

    async def run(self) -> dict[str, object]:
        """Load the server for the time, then look whether it still answers."""
        others = [asyncio.create_task(self._stream()) for _ in range(self.streams)]
        others += [asyncio.create_task(self._mute()) for _ in range(self.mute)]
        ends = time.monotonic() + self.seconds
        tasks = [asyncio.create_task(self._polite(ends, number)) for number in range(_CONNECTIONS)]
        rude = [asyncio.create_task(self._rude()) for _ in range(_RUDE)]
        await asyncio.gather(*tasks)
        await asyncio.wait(rude, timeout=self.seconds)
        open = self.openStreams
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(1)
        refusedAfter = sum([not await self._answers() for _ in range(100)])
        ordered = sorted(self.latencies) or [0.0]
        return {
            "requests": sum(self.statuses.values()),
            "statuses": dict(self.statuses),
            "median": ordered[len(ordered) // 2],
            "p99": ordered[int(len(ordered) * 0.99)],
            "streams": open,
            "streamBytes": self.streamBytes,
            "aborted": self.aborted,
            "refused": self.refused,
            "refusedAfter": refusedAfter,
        }

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def _polite(self, ends: float, number: int) -> None:
        interval = _CONNECTIONS / self.rate
        due = time.monotonic()
        while time.monotonic() < ends:
            try:
                reader, writer = await self._connect()
            except OSError:
                self.refused += 1
                await asyncio.sleep(0.1)
                continue
            try:
                while time.monotonic() < ends:
                    due = max(due + interval, time.monotonic() - 1)
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                    await self._ask(reader, writer, random.choice(PAGES))
            except (OSError, asyncio.IncompleteReadError):
                self.refused += 1
            finally:
                writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, page: str) -> None:
        began = time.monotonic()
        head = f"GET {page} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n"
        writer.write(head.encode())
        status = await readAnswer(reader)
        self.latencies.append(time.monotonic() - began)
        self.statuses[status] += 1

    async def _stream(self) -> None:
        reader, writer = await self._connect()
        head = b"Host: 127.0.0.1\r\nAccept-Encoding: gzip, deflate\r\n"  # as browsers do
        writer.write(b"GET /live?page=%2Fbuilders HTTP/1.1\r\n" + head + b"\r\n")
        self.openStreams += 1
        try:
            while data := await reader.read(65536):
                self.streamBytes += len(data)
        finally:
            self.openStreams -= 1
            writer.close()

    async def _mute(self) -> None:
        """Ask for much, and never read."""
        mute = socket.socket()
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mute.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(mute, ("127.0.0.1", self.port))
            for _ in range(50):
                await loop.sock_sendall(mute, b"GET /waterfall HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                await asyncio.sleep(0.2)
            await asyncio.sleep(3600)
        except OSError:
            return
        finally:
            mute.close()

    async def _rude(self) -> None:
        loop = asyncio.get_running_loop()
        while self.aborted < self.aborts:
            rude = socket.socket()
            rude.setblocking(False)
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            try:
                await loop.sock_connect(rude, ("127.0.0.1", self.port))
                if random.random() < 0.7:
                    text = f"GET {random.choice(PAGES)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
                    await loop.sock_sendall(rude, text[: random.randrange(len(text) + 1)])
                if random.random() < 0.3:
                    await asyncio.sleep(random.random() * 0.01)
            except OSError:
                self.refused += 1
            rude.close()
            self.aborted += 1

    async def _answers(self) -> bool:
        """True if a new connection gets an answer."""
        try:
            reader, writer = await self._connect()
            writer.write(b"GET /about HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            status = await asyncio.wait_for(readAnswer(reader), 30)
            writer.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            return False
        return status == 200


async def readAnswer(reader: asyncio.StreamReader) -> int:
    """Read one answer that has a length; return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    length = next(int(line[15:]) for line in lines if line.lower().startswith("content-length:"))
    await reader.readexactly(length)
    return int(lines[0].split()[1])


def main() -> None:
    """Load a server, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--mute", type=int, default=500)
    parser.add_argument("--aborts", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    load = Load(**vars(parser.parse_args()))
    print(json.dumps(asyncio.run(load.run())), flush=True)


if __name__ == "__main__":
    main()
