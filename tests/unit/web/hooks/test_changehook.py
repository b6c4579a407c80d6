"""Deliveries become changes on disk, once (E4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.web.hooks.changehook import LARGE_BODY, REMEMBERED, ChangeHook, HookAnswer
from buildbot.web.hooks.delivery import LARGEST_BODY
from buildbot.web.hooks.options import checkedDialects
from buildbot.web.hooks.taken import AT_ONCE, KEPT_SECONDS
from tests.examples import sample
from tests.schedulers import TestStore
from tests.unit.web.hooks import payloads
from tests.unit.web.hooks.payloads import NOW, SECRET, signedHeaders

DIALECTS = {name: {"secret": SECRET} for name in ("github", "gitlab", "gitea", "bitbucket", "base", "poller")}
CHECKED = checkedDialects(DIALECTS)
EVENTS = {
    "github": ("push", payloads.githubPush()),
    "gitlab": ("Push Hook", payloads.gitlabPush()),
    "gitea": ("push", payloads.giteaPush()),
    "bitbucket": ("repo:push", payloads.cloudPush()),
    "base": ("", {"who": "ann", "comments": "one", "files": ["a"]}),
}


def opened() -> TestStore:
    """An empty store."""
    store = TestStore()
    store.open()
    return store


class Source:
    """A poller."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.polls = 0

    def doPoll(self) -> Deferred[None]:
        """Count."""
        self.polls += 1
        return succeed(None)


class HookCase(unittest.SynchronousTestCase):
    """A master has hooks."""

    def setUp(self) -> None:
        self.store = opened()
        self.now = NOW
        self.threads = 0
        self.sources: list[Any] = []
        self.hook = self.made()

    def made(self, dialects: Any = DIALECTS, **more: Any) -> ChangeHook:
        """The hooks, as after a start of the master."""
        checked = CHECKED if dialects is DIALECTS else checkedDialects(dialects)
        self.assertEqual(checked.errors, ())
        more = {"pollers": lambda: self.sources, "inThread": self.inThread, **more}
        return ChangeHook(checked.dialects, self, self.store, lambda: self.now, **more)

    def addChange(self, change: Change, state: Mapping[str, Any] | None = None) -> Deferred[Change]:
        """Store a change, as the master does."""
        return self.store.addChange(change, self.now, state)

    def inThread(self, work: Callable[[], Any]) -> Deferred[Any]:
        """Count the work that would be in a thread."""
        self.threads += 1
        return succeed(work())

    def request(
        self,
        dialect: str,
        body: bytes,
        headers: Mapping[str, str],
        method: str = "POST",
        address: str = "192.0.2.1",
        query: Mapping[str, Sequence[str]] | None = None,
    ) -> Deferred[HookAnswer]:
        """Send one request."""
        return ensureDeferred(self.hook.handle(dialect, method, headers, body, address, query))

    def ask(self, *args: Any, **kw: Any) -> HookAnswer:
        """Send one request, and get the answer."""
        return self.successResultOf(self.request(*args, **kw))

    def deliver(self, dialect: str, payload: object = None, event: str = "", id: str = "id-1") -> HookAnswer:
        """Send one signed delivery."""
        usual = EVENTS[dialect]
        body = json.dumps(usual[1] if payload is None else payload).encode()
        return self.ask(dialect, body, signedHeaders(dialect, event or usual[0], body, id))

    def stored(self) -> list[Change]:
        """The changes on disk, the oldest first."""
        return self.successResultOf(self.store.getChanges(5000))[::-1]


class TakeTests(HookCase):
    """A delivery with a proof."""

    def test_each(self) -> None:
        """Row 66: a delivery of each forge is answered 202 with the numbers of its changes."""
        for dialect in EVENTS:
            answer = self.deliver(dialect)
            self.assertEqual(answer.status, 202, (dialect, answer))
            numbers = [change.number for change in self.stored()][-len(answer.changes) :]
            self.assertEqual(list(answer.changes), numbers)
        self.assertEqual(len(self.stored()), 9)

    def test_onDisk(self) -> None:
        """P2: the answer comes only when the changes are on disk."""
        body = json.dumps(payloads.githubPush()).encode()
        self.store.lazy = True
        answer = self.request("github", body, signedHeaders("github", "push", body))
        while self.noAnswer(answer):
            self.assertTrue(self.store.flush(1))
        self.store.lazy = False
        self.assertEqual(self.successResultOf(answer).status, 202)
        self.assertEqual(len(self.stored()), 2)

    def noAnswer(self, answer: Deferred[HookAnswer]) -> bool:
        """True if there is no answer yet."""
        return not answer.called

    def test_ignored(self) -> None:
        """A delivery without changes is answered 200 with the reason."""
        answer = self.deliver("github", {"zen": "x"}, "ping")
        self.assertEqual((answer.status, answer.text), (200, "ignored: the hook works"))

    def test_large(self) -> None:
        """A large body is checked and read in a thread, a small one is not."""
        self.deliver("github")
        self.assertEqual(self.threads, 0)
        answer = self.deliver("github", payloads.githubPush(padding="x" * LARGE_BODY), id="2")
        self.assertEqual((answer.status, self.threads), (202, 2))

    def test_tooLarge(self) -> None:
        """D2: a body of more than 25 MiB is refused."""
        self.assertEqual(self.ask("github", b"x" * (LARGEST_BODY + 1), {}).status, 413)

    def test_many(self) -> None:
        """A push of 2,100 commits makes the newest 2,048 changes."""
        commits = [payloads.githubCommit(f"{number:040x}") for number in range(2_100)]
        answer = self.deliver("github", payloads.githubPush(commits=commits))
        self.assertEqual((answer.status, len(answer.changes)), (202, 2048))

    def test_form(self) -> None:
        """A form of 0.8's base dialect makes a change."""
        body = b'author=ann&comments=fix&files=["a.c"]&properties={"k":1}&when=1000&isdir=0&branch=main'
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "Authorization": f"Bearer {SECRET}",
        }
        self.assertEqual(self.ask("base", body, headers).status, 202)
        (change,) = self.stored()
        self.assertEqual((change.who, change.files, change.when, change.isdir), ("ann", ["a.c"], 1000.0, 0))
        self.assertEqual((change.properties["k"], change.branch), (1, "main"))


class ReplayTests(HookCase):
    """A delivery that comes again makes no change again."""

    def test_again(self) -> None:
        """Row 66: the second time, the answer is 200, also after a restart of the master."""
        for dialect in EVENTS:
            self.assertEqual(self.deliver(dialect).status, 202)
            count = len(self.stored())
            for _ in range(2):
                answer = self.deliver(dialect)
                self.assertEqual((answer.status, answer.changes), (200, ()))
                self.assertIn("taken already, at 2026-05-28", answer.text)
                self.hook = self.made()
            self.assertEqual(len(self.stored()), count)

    def test_otherId(self) -> None:
        """A replay of GitHub's signed body with an invented id is refused too."""
        self.deliver("github")
        self.assertEqual(self.deliver("github", id="invented").status, 200)
        self.assertEqual(len(self.stored()), 2)

    def test_otherDialect(self) -> None:
        """Two forges may use the same id."""
        self.deliver("gitea")
        self.assertEqual(self.deliver("gitlab").status, 202)

    def test_storeFails(self) -> None:
        """P4: while the store fails, the answer is 503; sent again later, the delivery is taken, once."""
        self.store.full = True
        answer = self.deliver("github")
        self.assertEqual((answer.status, answer.headers), (503, {"Retry-After": "30"}))
        self.store.full = False
        self.assertEqual(self.deliver("github").status, 202)
        self.assertEqual(len(self.stored()), 2)

    def test_half(self) -> None:
        """P4: if the disk is full in the middle, the rest is taken when the forge sends it again."""
        commits = [payloads.githubCommit(f"{number:040x}") for number in range(250)]
        payload = payloads.githubPush(commits=commits)
        body = json.dumps(payload).encode()
        self.store.lazy = True
        answer = self.request("github", body, signedHeaders("github", "push", body))
        self.store.flush(3 + AT_ONCE)
        self.store.full = True
        self.store.flush()
        self.assertEqual(self.successResultOf(answer).status, 503)
        self.store.full = self.store.lazy = False
        self.assertEqual(len(self.stored()), AT_ONCE)
        self.hook = self.made()
        again = self.deliver("github", payload)
        self.assertEqual((again.status, len(again.changes)), (202, 150))
        self.assertEqual([each.revision for each in self.stored()], [each["id"] for each in commits])

    def test_together(self) -> None:
        """The same delivery twice at the same time makes its changes once."""
        body = json.dumps(payloads.githubPush()).encode()
        headers = signedHeaders("github", "push", body)
        self.store.lazy = True
        first = self.request("github", body, headers)
        self.assertEqual(self.ask("github", body, headers).status, 503)
        while self.noAnswer(first):
            self.store.flush(1)
        self.store.lazy = False
        self.assertEqual(self.successResultOf(first).status, 202)
        self.assertEqual(len(self.stored()), 2)

    def noAnswer(self, answer: Deferred[HookAnswer]) -> bool:
        """True if there is no answer yet."""
        return not answer.called

    def test_forgotten(self) -> None:
        """Deliveries are forgotten after a month, so that the store does not grow."""
        self.deliver("gitea")
        self.assertEqual(len(self.successResultOf(self.store.getStates("hook/"))), 1)
        self.now += KEPT_SECONDS + 1
        self.hook = self.made()
        self.deliver("gitlab")
        (key,) = self.successResultOf(self.store.getStates("hook/"))
        self.assertIn("gitlab", key)


class RefusalTests(HookCase):
    """A request without proof changes nothing."""

    def tearDown(self) -> None:
        self.assertEqual(self.stored(), [])

    def test_wrong(self) -> None:
        """S1: a wrong secret is answered 401, before the body is read."""
        for dialect in DIALECTS:
            self.assertEqual(self.ask(dialect, b"\xff not JSON", {}).status, 401)

    def test_noSecret(self) -> None:
        """S1: a hook without a secret refuses everybody, as nothing tells a forge from a stranger."""
        self.hook = self.made({"github": True})
        answer = self.deliver("github")
        self.assertEqual(answer.status, 401)
        self.assertIn("neither a secret nor the address", answer.text)

    def test_unknown(self) -> None:
        """A dialect that is not configured is not there."""
        self.hook = self.made({})
        self.assertEqual(self.deliver("github").status, 404)

    def test_get(self) -> None:
        """D: a GET request changes nothing, unless the hook has the option get."""
        query = {"who": ["ann"], "comments": ["x"], "token": [SECRET]}
        answer = self.ask("base", b"", {}, "GET", query=query)
        self.assertEqual((answer.status, answer.headers), (405, {"Allow": "POST"}))
        for method in ("HEAD", "PUT", "DELETE"):
            self.assertEqual(self.ask("github", b"", {}, method).status, 405)

    def test_hostile(self) -> None:
        """Hostile bodies with the right signature are answered 400, and never cause an error."""
        push = payloads.githubPush
        for body in (
            *(b"", b"null", b"[]", b"5", b'"x"', b"{", b"\xff", b"{}", b'{"ref": 1}', b"NaN"),
            *(b"[" * 200_000, b'{"a":' * 200_000, b'{"after": "' + b"0" * 10_000 + b'", "ref": []}'),
            json.dumps(push(ref=["x"])).encode(),
            json.dumps(push(ref="refs/heads/a\0b")).encode(),
            json.dumps(push(ref="refs/heads/" + "x" * 10_000)).encode(),
            json.dumps(push(ref="refs/heads/\ud800")).encode(),
            json.dumps(push(repository=None)).encode(),
            json.dumps(push(commits={"a": 1})).encode(),
            json.dumps(push(commits=[None])).encode(),
            json.dumps(push(commits=[payloads.githubCommit(added=[5])])).encode(),
            json.dumps(push(commits=[payloads.githubCommit(added=["a\0"])])).encode(),
            json.dumps(push(commits=[payloads.githubCommit("")])).encode(),
            json.dumps(push(commits=[payloads.githubCommit(author="ann")])).encode(),
        ):
            answer = self.ask("github", body, signedHeaders("github", "push", body))
            self.assertEqual(answer.status, 400, body[:100])
            self.assertTrue(answer.text.isprintable() and len(answer.text) < 2100)

    def test_hostileForms(self) -> None:
        """Hostile forms are answered 400."""
        for body in (b"", b"payload=", b"payload=[", b"a=1&" * 5000, b"payload=%ff", b"\xff"):
            headers = {
                **signedHeaders("github", "push", body),
                "content-type": "application/x-www-form-urlencoded",
            }
            self.assertEqual(self.ask("github", body, headers).status, 400, body[:50])
        for body in (
            b"who=ann&files={",
            b"who=ann&files=5",
            b"who=ann&when=soon",
            b"comments=x",
            b"who=ann&when=nan",
        ):
            headers = {**signedHeaders("base", "", body), "content-type": "application/x-www-form-urlencoded"}
            self.assertEqual(self.ask("base", body, headers).status, 400, body[:50])

    def test_wrongTypes(self) -> None:
        """Each field of each forge with a value of each wrong type is answered, and never causes an error."""
        for dialect, event, payload in (
            *((dialect, *EVENTS[dialect]) for dialect in EVENTS),
            ("github", "pull_request", payloads.githubPull()),
            ("gitlab", "x", payloads.gitlabMerge()),
            ("gitea", "pull_request", payloads.giteaPull()),
            ("bitbucket", "pullrequest:created", payloads.cloudPull()),
            ("bitbucket", "repo:refs_changed", payloads.serverPush()),
            ("bitbucket", "pr:opened", payloads.serverPull()),
        ):
            for changed in sample(altered(payload), 20):
                self.store = opened()
                self.hook = self.made()
                self.assertIn(self.deliver(dialect, changed, event).status, (200, 202, 400), changed)
        self.store = opened()


def altered(value: Any) -> list[Any]:
    """Copies of a payload, each with another value in one place."""
    odd: tuple[Any, ...] = (None, True, -1, 1.5, 10**30, "", "\0", "\ud800", [], {}, [[]], [{}], {"": None})
    found = list(odd)
    if isinstance(value, dict):
        for key, each in value.items():
            found += [{**value, key: other} for other in altered(each)]
    elif isinstance(value, list) and value:
        found += [[other, *value[1:]] for other in altered(value[0])]
    return found


class OtherProofTests(HookCase):
    """Addresses and logins."""

    def test_address(self) -> None:
        """A hook with addresses takes deliveries from there without a secret, and from nowhere else."""
        self.hook = self.made({"base": {"addresses": ["192.0.2.0/24", "2001:db8::1"]}})
        for address, status in (
            *(("192.0.2.77", 202), ("::ffff:192.0.2.77", 202), ("2001:db8::1", 202)),
            *(("192.0.3.1", 401), ("2001:db8::2", 401), ("", 401), ("/run/web.sock", 401)),
        ):
            answer = self.ask("base", b'{"who": "ann"}', {}, address=address)
            self.assertEqual(answer.status, status, address)

    def test_login(self) -> None:
        """change_hook_auth of 0.8.8: HTTP Basic before the hook; behind it, a hook needs no secret."""
        checker = InMemoryUsernamePasswordDatabaseDontUse(ann=b"pw")
        self.hook = self.made({"base": True}, checkers=[checker])
        for given, status in (
            *(("", 401), ("Basic !", 401), ("Basic YW5u", 401), ("Basic YW5uOm5v", 401), ("Bearer x", 401)),
            ("Basic YW5uOnB3", 202),
        ):
            answer = self.ask("base", b'{"who": "ann"}', {"Authorization": given})
            self.assertEqual(answer.status, status, given)
        self.assertEqual(len(self.stored()), 1)

    def test_guesses(self) -> None:
        """S1: after five wrong logins, the sender has to wait, even with the right password."""
        self.hook = self.made({"base": True}, checkers=[InMemoryUsernamePasswordDatabaseDontUse(ann=b"pw")])
        for _ in range(5):
            wrong = self.ask("base", b'{"who": "ann"}', {"Authorization": "Basic YW5uOm5v"})
            self.assertEqual(wrong.status, 401)
        right = {"Authorization": "Basic YW5uOnB3"}
        answer = self.ask("base", b'{"who": "ann"}', right)
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "15"))
        self.now += 16
        self.assertEqual(self.ask("base", b'{"who": "ann"}', right).status, 202)

    def test_challenge(self) -> None:
        """The answer asks for the login."""
        self.hook = self.made({"base": True}, checkers=[InMemoryUsernamePasswordDatabaseDontUse()])
        self.assertIn("Basic", self.ask("base", b"", {}).headers["WWW-Authenticate"])

    def test_loginAndSecret(self) -> None:
        """A login does not replace the secret of a hook that has one."""
        checker = InMemoryUsernamePasswordDatabaseDontUse(ann=b"pw")
        self.hook = self.made({"github": {"secret": SECRET}}, checkers=[checker])
        body = json.dumps(payloads.githubPush()).encode()
        login = {"Authorization": "Basic YW5uOnB3", "X-GitHub-Event": "push"}
        self.assertEqual(self.ask("github", body, login).status, 401)
        self.assertEqual(
            self.ask("github", body, {**signedHeaders("github", "push", body), **login}).status, 202
        )

    def test_get(self) -> None:
        """With the option get, a GET request makes a change, as in 0.8."""
        self.hook = self.made({"base": {"secret": SECRET, "get": True}})
        query = {"author": ["ann"], "files": ['["a"]'], "token": [SECRET]}
        self.assertEqual(self.ask("base", b"", {}, "GET", query=query).status, 202)
        self.assertEqual(self.stored()[0].files, ["a"])

    def test_poll(self) -> None:
        """The dialect poller makes the named pollers look now, or all of them."""
        self.sources = [Source("a"), Source("b"), object()]
        bearer = {"authorization": f"Bearer {SECRET}"}
        self.assertEqual(self.ask("poller", b"", bearer, query={"poller": ["a"]}).text, "polling: a")
        self.assertEqual(self.ask("poller", b"", bearer).text, "polling: a, b")
        self.assertEqual([each.polls for each in self.sources[:2]], [2, 1])
        self.assertEqual(self.ask("poller", b"", bearer, query={"poller": ["no"]}).status, 400)

    def test_pollAllowed(self) -> None:
        """The option allowed limits the pollers that may be called."""
        self.hook = self.made({"poller": {"secret": SECRET, "allowed": ["a"]}})
        self.sources = [Source("a"), Source("b")]
        bearer = {"authorization": f"Bearer {SECRET}"}
        self.assertEqual(self.ask("poller", b"", bearer, query={"poller": ["b"]}).status, 400)
        self.assertEqual(self.ask("poller", b"", bearer).text, "polling: a")


class RecordTests(HookCase):
    """The administrator sees what came."""

    def test_recent(self) -> None:
        """The last 50 deliveries are there with their outcome; refused requests do not displace them."""
        self.deliver("github")
        for _ in range(REMEMBERED + 10):
            self.ask("github", b"{}", {})
        (record,) = self.hook.recent
        self.assertEqual((record.dialect, record.event, record.id), ("github", "push", "id-1"))
        self.assertEqual((record.status, record.changes, record.address), (202, (1, 2), "192.0.2.1"))
        self.assertEqual(len(self.hook.refused), REMEMBERED)
        for number in range(REMEMBERED + 10):
            self.deliver("github", {}, "ping", f"p{number}")
        self.assertEqual(len(self.hook.recent), REMEMBERED)

    def test_noSecret(self) -> None:
        """S1: no answer and no record shows a secret."""
        self.deliver("github")
        self.ask("base", b"{}", {}, query={"token": [SECRET]})
        self.ask("base", b"{}", {"authorization": f"Bearer {SECRET}x"})
        self.assertNotIn(SECRET, repr((self.hook.recent, self.hook.refused, self.hook.dialects)))
