"""A server that checks the signature of each request, before a server of object storage that does not."""

from __future__ import annotations

import http.client
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.signatures import Refused, Request, check

_STATUS = {"AuthorizationHeaderMalformed": 400, "XAmzContentSHA256Mismatch": 400, "NoSuchBucket": 404}
_ALONE = ("connection", "transfer-encoding", "content-length", "date", "server")


class SignedServer:
    """I am a server on a port of the loopback, in threads.

    @ivar endpoint: my address.
    @ivar keys: the secret of each access key that I take.
    @ivar region: mine.
    @ivar ahead: the seconds that my clock is ahead.
    @ivar mayNot: the methods that I deny everybody.
    @ivar paths: the paths of the requests that I have passed on, without escapes.
    """

    def __init__(self, port: int, keys: dict[str, str], region: str) -> None:
        """@param port: of the other server."""
        self.keys, self.region = dict(keys), region
        self.ahead = 0.0
        self.mayNot: set[str] = set()
        self.paths: list[str] = []
        self._port = port
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                asked(self)

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def asked(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(int(headers.get("content-length", 0)))
        path, _, query = handler.path.partition("?")
        try:
            request = Request(handler.command, path, query, headers, body)
            check(request, self.keys, self.region, time.time() + self.ahead)
            if handler.command in self.mayNot:
                raise Refused("AccessDenied", "Access Denied.")
        except Refused as why:
            text = f"<Code>{why.code}</Code><Message>{escape(why.message)}</Message>"
            answer = f'<?xml version="1.0" encoding="UTF-8"?><Error>{text}</Error>'.encode()
            said = {"Content-Type": "application/xml", "Content-Length": str(len(answer))}
            _answer(handler, _STATUS.get(why.code, 403), said, answer)
            return
        self.paths.append(unquote(path))
        there = http.client.HTTPConnection("127.0.0.1", self._port, timeout=180)
        try:
            # the other server has keys of its own, and does not look at the signature
            key = request.headers["authorization"].partition("Credential=")[2].partition("/")[0]
            words = headers["authorization"].replace(f"={key}/", "=S3RVER/")
            there.request(handler.command, handler.path, body, {**headers, "authorization": words})
            found = there.getresponse()
            data = found.read()
            kept = {name: value for name, value in found.getheaders() if name.lower() not in _ALONE}
            length = found.getheader("Content-Length") if handler.command == "HEAD" else str(len(data))
            _answer(handler, found.status, {**kept, "Content-Length": length or "0"}, data)
        finally:
            there.close()


def _answer(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
