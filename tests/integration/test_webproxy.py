"""The settings of docs/howto/web-proxy, used by the real nginx, Apache and Caddy before a real master."""

from __future__ import annotations

import hmac
import http.client
import json
import os
import re
import ssl
import subprocess
import zlib
from collections.abc import Callable
from contextlib import closing
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from twisted.internet import threads
from twisted.python import procutils
from twisted.trial import unittest

from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase
from tests.integration.processes import ROOT, Child, TooLate, environment, moments
from tests.ports import freePort

PAGE = os.path.join(ROOT, "docs", "howto", "web-proxy.rst")
#: Seconds to wait for any answer or event.
PATIENCE = 180.0
#: The address of the visitor; that of the proxy is 127.0.0.1.
VISITOR = "127.0.0.2"
#: The builder: its name needs each kind of quoting.
BUILDER = "builders/all%20of%2Fit"

#: The rest of C{master.cfg}: one builder, whose log waits in the middle for a file.
AFTER = """
from buildbot.status import html
from buildbot.steps.shell import ShellCommand
script = 'echo first; while [ ! -e "$1" ] && [ -d "${{1%/*}}" ]; do sleep 0.1; done; echo second'
f.addStep(ShellCommand(name='compile', usePTY=False, timeout=None,
                       command=['sh', '-c', script, 'sh', {gate!r}]))
c['builders'] = [dict(name='all of/it', slavenames=['a'], builddir='all', factory=f)]
c['buildbotURL'] = {url!r}
c['status'].append(html.WebStatus(http_port='tcp:{port}:interface=127.0.0.1', allowForce=True,
                                  trustedProxies=['127.0.0.1']))
"""

#: The same with accounts and a hook, for TLS at the proxy.
SECURE = AFTER.replace(
    "allowForce=True,",
    """authz=Authz(auth=BasicAuth([('ann', 'rosebud')]), forceBuild='auth'),
                                  change_hook_dialects={{'github': {{'secret': 'sesame'}}}},""",
).replace(
    "from buildbot.status import html",
    """from buildbot.status import html
from buildbot.status.web.auth import BasicAuth
from buildbot.status.web.authz import Authz""",
)
PUSH = {
    "ref": "refs/heads/main",
    "before": "0" * 40,
    "after": "1" * 40,
    "repository": {"full_name": "acme/pump", "url": "https://github.com/acme/pump"},
    "commits": [
        {"id": "1" * 40, "message": "mend", "author": {"name": "ann", "email": "ann@x"}, "modified": ["a.c"]}
    ],
}

NGINX = """
daemon off;
master_process off;
error_log {here}/error.log;
pid {here}/pid;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/temp;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    server {{
        listen 127.0.0.1:{path}{tls};
        {atPath}
    }}
    server {{
        listen 127.0.0.1:{root};
        {atRoot}
    }}
}}
"""

APACHE = """
ServerName localhost
ServerRoot {here}
DefaultRuntimeDir {here}
PidFile {here}/pid
ErrorLog {here}/error.log
Mutex posixsem
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule socache_shmcb_module {modules}/mod_socache_shmcb.so
LoadModule ssl_module {modules}/mod_ssl.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
Listen 127.0.0.1:{path}
Listen 127.0.0.1:{root}
<VirtualHost 127.0.0.1:{path}>
{tls}
{atPath}
</VirtualHost>
<VirtualHost 127.0.0.1:{root}>
{atRoot}
</VirtualHost>
"""
APACHE_MODULES = "/usr/lib/apache2/modules"

CADDY = """
{{
    admin off
    auto_https off
}}
{scheme}://127.0.0.1:{path} {{
    bind 127.0.0.1
    {tls}
    {atPath}
}}
http://127.0.0.1:{root} {{
    bind 127.0.0.1
    {atRoot}
}}
"""


def setting(name: str) -> str:
    """The example of that name on the page."""
    with open(PAGE, encoding="utf-8") as stream:
        _, found, rest = stream.read().partition(f"   :name: {name}\n\n")
    assert found, f"{PAGE} has no example {name}"
    return rest.split("\n\n", 1)[0]


def program(name: str) -> str:
    """The path of a program. Raises SkipTest if it is not installed."""
    found = next(iter(procutils.which(name)), f"/usr/sbin/{name}")
    if not os.access(found, os.X_OK):
        raise unittest.SkipTest(f"{name} is not installed")
    return found


class Response:
    """An answer, read to its end."""

    def __init__(self, url: str, raw: http.client.HTTPResponse) -> None:
        self.url, self.status, self.headers = url, raw.status, raw.headers
        self.text = raw.read().decode("utf-8", "replace")

    @property
    def location(self) -> str:
        """The absolute address of a redirect."""
        return urljoin(self.url, str(self.headers["Location"]))

    def links(self) -> set[str]:
        """The absolute addresses of all links, files and forms of a page."""
        found = re.findall(r'\b(?:href|src|action)="([^"]*)"', self.text)
        return {urljoin(self.url, unescape(each)).partition("#")[0] for each in found}


@cache
def _anyCertificate() -> ssl.SSLContext:
    """The client accepts the certificate of the test, which nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def send(url: str, method: str = "GET", body: str | None = None, **headers: str) -> http.client.HTTPResponse:
    """Send a request from L{VISITOR}; the answer is not read yet."""
    parts = urlsplit(url)
    here: dict[str, Any] = {"timeout": PATIENCE, "source_address": (VISITOR, 0)}
    connection = (
        http.client.HTTPSConnection(parts.hostname or "", parts.port, context=_anyCertificate(), **here)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname or "", parts.port, **here)
    )
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    if body is not None:
        headers.setdefault("Content_Type", "application/x-www-form-urlencoded")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, body, {"Connection": "close", **named})
    return connection.getresponse()


class Inflated:
    """I am an open stream that the server compresses."""

    def __init__(self, stream: http.client.HTTPResponse) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj()

    def read1(self, most: int) -> bytes:
        """The next bytes; none at the end."""
        data = b""
        while not data and (piece := self._stream.read1(most)):
            data = self._inflate.decompress(piece)
        return data


def readUntil(stream: http.client.HTTPResponse | Inflated, wanted: str) -> str:
    """Read from an open stream until a text has come; return all that was read."""
    said = b""
    while wanted.encode() not in said:
        piece = stream.read1(65536)
        assert piece, f"the stream has ended without {wanted!r}: {said!r}"
        said += piece
    return said.decode()


class ProxyCase(MasterTestCase):
    """A master with a worker, and a proxy before it that serves it below C{/ci/} and as a root."""

    #: The scheme of the server below C{/ci/}, and the rest of C{master.cfg}.
    scheme = "http"
    after = AFTER

    async def makeReady(self) -> None:
        """Start the master, its worker, and the proxy."""
        command = self.command()
        await super().makeReady()
        self.gate = os.path.join(self.directory, "gate")
        self.ports = {"path": freePort(), "root": freePort()}
        self.web = freePort()
        self.url = f"{self.scheme}://127.0.0.1:{self.ports['path']}/ci/"
        self.root = f"http://127.0.0.1:{self.ports['root']}/"
        after = self.after.format(gate=self.gate, url=self.url, port=self.web)
        self.master = await self.startMaster(bots={"a": "sesame"}, after=after)
        await self.startSlaves(self.master.port, [(SLAVE, "a", "sesame")])
        self.proxy = self.startProxy(command)
        await self.master.whenConnected("a")
        await self.whenServed()

    def command(self) -> list[str]:
        """The command of the proxy, whose working directory has its file C{config}.

        @raise SkipTest: it is not installed.
        """
        raise NotImplementedError

    def configuration(self, **names: Any) -> str:
        """The configuration of the proxy."""
        raise NotImplementedError

    def tls(self, here: str) -> str:
        """The settings of the proxy for TLS, with a certificate in its directory."""
        raise NotImplementedError

    def certificate(self, here: str) -> tuple[str, str]:
        """The paths of a new certificate and its key."""
        certificate, key = os.path.join(here, "cert.pem"), os.path.join(here, "key.pem")
        words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1".split()
        made = subprocess.run(
            [
                program("openssl"),
                *words,
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                key,
                "-out",
                certificate,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=180,
        )
        self.assertEqual(made.returncode, 0, made.stderr)
        os.chmod(key, 0o644)  # Apache reads it as another user
        return certificate, key

    def startProxy(self, command: list[str]) -> Child:
        """Start the proxy in a directory of its own."""
        here = os.path.join(self.directory, "proxy")
        os.mkdir(here)
        with open(os.path.join(here, "config"), "w", encoding="utf-8") as stream:
            tls = self.tls(here) if self.scheme == "https" else ""
            stream.write(self.configuration(here=here, tls=tls, scheme=self.scheme, **self.ports))
        words = [each.replace("HERE", here) for each in command]
        return Child(self, words, here, environment(here), os.path.join(self.directory, "proxy-output"))

    def example(self, name: str) -> str:
        """An example of the page, for the master of this test."""
        return setting(name).replace("127.0.0.1:8010", f"127.0.0.1:{self.web}")

    async def cleanUp(self) -> None:
        """Stop the proxy."""
        if hasattr(self, "proxy"):
            await self.proxy.stop()

    async def whenServed(self) -> None:
        """Wait until the proxy answers with a page of the master on both ports."""
        for url in (self.url, self.root):
            for _ in range(int(PATIENCE / 0.1)):
                try:
                    if (await self.ask(url)).status == 200:
                        break
                except OSError:
                    pass
                if not self.proxy.isAlive():
                    raise AssertionError(f"the proxy has ended: {self.proxy.stdout()}{self.proxy.stderr()}")
                await moments(0.1)
            else:
                raise TooLate(f"no page at {url}: {self.proxy.stdout()}{self.proxy.stderr()}")

    def thread(self, call: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call something that blocks, in a thread."""
        return threads.deferToThread(call, *args, **named)

    async def ask(self, url: str, *args: Any, **headers: str) -> Response:
        """The answer to a request."""

        def inThread() -> Response:
            with closing(send(url, *args, **headers)) as raw:
                return Response(url, raw)

        answer: Response = await self.thread(inThread)
        return answer

    async def force(self, base: str, **headers: str) -> Response:
        """Send the form that forces a build."""
        return await self.ask(
            f"{base}{BUILDER}/force", "POST", urlencode({"comments": "by the form"}), **headers
        )

    # what each proxy must do

    async def checkLinks(self, base: str) -> None:
        """All links of five pages lead below the base, and all their files are served."""
        files = set()
        for page in ("", "builders", BUILDER, "waterfall", "about"):
            said = await self.ask(base + page)
            self.assertEqual((page, said.status), (page, 200), said.text)
            links = {each for each in said.links() if urlsplit(each).hostname == "127.0.0.1"}
            self.assertGreater(len(links), 5)
            self.assertEqual([each for each in links if not each.startswith(base)], [], page)
            files |= {each for each in links if each.endswith((".css", ".js", ".svg"))}
        self.assertGreaterEqual(len(files), 2)
        for each in files:
            self.assertEqual((each, (await self.ask(each)).status), (each, 200))

    async def checkPages(self) -> None:
        """Pages, files, links and redirects stay below the path, and below the root."""
        for base in (self.url, self.root):
            await self.checkLinks(base)
            old = await self.ask(f"{base}all%20of%2Fit")
            self.assertIn(old.status, (301, 302, 303, 307, 308))
            self.assertEqual(old.location, base + BUILDER)
        bare = await self.ask(self.url.rstrip("/"))
        self.assertIn(bare.status, (301, 302, 308))
        self.assertEqual(bare.location, self.url)

    async def checkTrust(self) -> None:
        """A foreign origin is refused, the own one is accepted; the visitor's address is the true one."""
        refused = await self.force(self.url, Origin="http://elsewhere.example")
        self.assertEqual(refused.status, 403)
        for base in (self.url, self.root, f"http://127.0.0.1:{self.web}/"):
            mark = self.master.size()
            origin = "/".join(base.split("/")[:3])
            done = await self.force(base, Origin=origin, X_Forwarded_For="203.0.113.7")
            self.assertEqual(done.status, 303, done.text)
            self.assertTrue(done.location.startswith(base), done.location)
            await self.master.whenLogged(rf"forceBuild on .* by nobody \(anonymous, {VISITOR}\)", after=mark)

    async def checkStreams(self) -> None:
        """The changes of a page and the lines of a log arrive while their streams are open."""
        address = f"{self.url}live?{urlencode({'page': '/' + BUILDER})}"
        packed = await self.thread(send, address, Accept_Encoding="gzip, deflate")
        self.addCleanup(packed.close)
        self.assertEqual((packed.status, packed.headers["Content-Encoding"]), (200, "deflate"))
        live = Inflated(packed)
        await self.thread(readUntil, live, "event: parts")
        self.assertEqual((await self.force(self.url)).status, 303)
        await self.thread(readUntil, live, "event: ")
        log = f"{BUILDER}/builds/0/steps/compile/logs/stdio/text?follow=1"
        while (await self.ask(f"{self.url}{BUILDER}/builds/0/steps/compile/logs/stdio")).status == 404:
            await moments(0.1)
        for base in (self.url, self.root):
            follow = await self.thread(send, base + log)
            self.addCleanup(follow.close)
            self.assertEqual(follow.status, 200)
            await self.thread(readUntil, follow, "first\n")
        with open(self.gate, "w"):
            pass
        await self.thread(readUntil, follow, "second\n")
        self.assertEqual(await self.thread(follow.read), b"")
        await self.thread(readUntil, live, "event: ")

    async def check(self) -> None:
        """All of it, with one start of the processes."""
        await self.checkPages()
        await self.checkStreams()
        await self.checkTrust()

    # what TLS at the proxy must do

    async def checkSecure(self) -> None:
        """Links, a login with its cookie, a signed hook and a stream work with TLS at the proxy."""
        await self.checkLinks(self.url)
        origin = self.url[: -len("/ci/")]
        self.assertEqual((await self.force(self.url, Origin=origin)).status, 401)
        words = urlencode({"username": "ann", "passwd": "rosebud"})
        said = await self.ask(f"{self.url}login", "POST", words, Origin=origin)
        self.assertEqual(said.status, 303, said.text)
        cookie, _, rules = str(said.headers["Set-Cookie"]).partition("; ")
        self.assertEqual(cookie.partition("=")[0], "__Host-bb")
        self.assertLessEqual({"Path=/", "Secure", "HttpOnly", "SameSite=Lax"}, set(rules.split("; ")))
        mine = {"Cookie": cookie}
        plain = await self.force(self.url, Origin=origin.replace("https", "http"), **mine)
        self.assertEqual(plain.status, 403)
        done = await self.force(self.url, Origin=origin, **mine)
        self.assertEqual(
            (done.status, done.location.startswith(f"{self.url}{BUILDER}")), (303, True), done.text
        )
        await self.master.whenLogged(rf"forceBuild on .* by ann .*{VISITOR}")
        await self.checkFollowed(mine)
        body = json.dumps(PUSH)
        signature = hmac.new(b"sesame", body.encode(), "sha256").hexdigest()
        for last, status in (("x", 401), ("", 202)):
            headers = {"X_Hub_Signature_256": f"sha256={signature[: 64 - len(last)]}{last}"}
            headers |= {
                "X_GitHub_Event": "push",
                "X_GitHub_Delivery": "1",
                "Content_Type": "application/json",
            }
            hooked = await self.ask(f"{self.url}change_hook/github", "POST", body, **headers)
            self.assertEqual(hooked.status, status, hooked.text)

    async def checkFollowed(self, mine: dict[str, str]) -> None:
        """Lines of a log arrive while its stream is open."""
        log = f"{self.url}{BUILDER}/builds/0/steps/compile/logs/stdio"
        while (await self.ask(log)).status == 404:
            await moments(0.1)
        follow = await self.thread(send, f"{log}/text?follow=1", **mine)
        self.addCleanup(follow.close)
        await self.thread(readUntil, follow, "first\n")
        with open(self.gate, "w"):
            pass
        await self.thread(readUntil, follow, "second\n")
        self.assertEqual(await self.thread(follow.read), b"")


class NginxTests(ProxyCase):
    """The master behind nginx."""

    def command(self) -> list[str]:
        """In the foreground."""
        return [program("nginx"), "-p", "HERE", "-e", "HERE/error.log", "-c", "HERE/config"]

    def configuration(self, **names: Any) -> str:
        """Two servers."""
        at = {"atPath": self.example("proxy-nginx"), "atRoot": self.example("proxy-nginx-root")}
        return NGINX.format(**at, **names)

    async def test_nginx(self) -> None:
        """The settings for nginx work for pages, streams and forms (web row 56)."""
        await self.check()


class ApacheTests(ProxyCase):
    """The master behind Apache."""

    def command(self) -> list[str]:
        """In the foreground, as one process: workers of its own would survive the test."""
        if not os.path.exists(f"{APACHE_MODULES}/mod_proxy_http.so"):
            raise unittest.SkipTest("apache2 is not installed")
        return [program("apache2"), "-d", "HERE", "-f", "HERE/config", "-X"]

    def configuration(self, **names: Any) -> str:
        """Two servers. Apache does not run its workers as root."""
        user = "User nobody\nGroup nogroup" if os.getuid() == 0 else ""
        at = {"atPath": self.example("proxy-apache"), "atRoot": self.example("proxy-apache-root")}
        return APACHE.format(user=user, modules=APACHE_MODULES, **at, **names)

    async def test_apache(self) -> None:
        """The settings for Apache work for pages, streams and forms (web row 56)."""
        await self.check()


class CaddyTests(ProxyCase):
    """The master behind Caddy."""

    def command(self) -> list[str]:
        """In the foreground."""
        return [program("caddy"), "run", "--config", "HERE/config", "--adapter", "caddyfile"]

    def configuration(self, **names: Any) -> str:
        """Two servers."""
        at = {"atPath": self.example("proxy-caddy"), "atRoot": self.example("proxy-caddy-root")}
        return CADDY.format(**at, **names)

    async def test_caddy(self) -> None:
        """The settings for Caddy work for pages, streams and forms (web row 56)."""
        await self.check()


class SecureNginxTests(NginxTests):
    """The same with TLS at nginx."""

    scheme = "https"
    after = SECURE

    def tls(self, here: str) -> str:
        """Ends the directive C{listen}."""
        certificate, key = self.certificate(here)
        return f" ssl; ssl_certificate {certificate}; ssl_certificate_key {key}"

    async def test_nginx(self) -> None:
        """Links, login, hook and stream work with TLS at nginx (web row 56)."""
        await self.checkSecure()


class SecureApacheTests(ApacheTests):
    """The same with TLS at Apache."""

    scheme = "https"
    after = SECURE

    def tls(self, here: str) -> str:
        """In the virtual host."""
        certificate, key = self.certificate(here)
        return f"SSLEngine on\nSSLCertificateFile {certificate}\nSSLCertificateKeyFile {key}"

    async def test_apache(self) -> None:
        """Links, login, hook and stream work with TLS at Apache (web row 56)."""
        await self.checkSecure()


class SecureCaddyTests(CaddyTests):
    """The same with TLS at Caddy."""

    scheme = "https"
    after = SECURE

    def tls(self, here: str) -> str:
        """In the block of the site."""
        return "tls {} {}".format(*self.certificate(here))

    async def test_caddy(self) -> None:
        """Links, login, hook and stream work with TLS at Caddy (web row 56)."""
        await self.checkSecure()
