"""A forge pushes, and the master builds (E4, row 66): through real HTTP, with a real master."""

from __future__ import annotations

import json
import os
from typing import Any

from buildbot.model.results import SUCCESS
from tests.stories.web import Response, WebWorld
from tests.unit.web.hooks import payloads
from tests.unit.web.hooks.payloads import NEW, SECRET, signedHeaders

STATUS = f"""\
from buildbot.status import html
hooks = {{'github': {{'secret': {SECRET!r}}}, 'base': True}}
c['status'] = [html.WebStatus(http_port=8010, change_hook_dialects=hooks)]
from buildbot.scheduler import AnyBranchScheduler
c['schedulers'] = [AnyBranchScheduler('all', None, 10, ['full'])]"""


class HookStory(WebWorld):
    """A master with a hook for GitHub."""

    STATUS = STATUS

    def setUp(self) -> None:
        super().setUp()
        self.successResultOf(self.start())
        self.connect(onCommand=lambda command: command.end(0))

    def push(self, payload: Any = None, id: str = "id-1", **more: str) -> Response:
        """GitHub sends a push."""
        body = json.dumps(payloads.githubPush() if payload is None else payload).encode()
        headers = {**signedHeaders("github", "push", body, id), **more}
        return self.ask("/change_hook/github", "POST", body, **headers)

    def builds(self) -> list[Any]:
        """The builds, the oldest first."""
        return self.successResultOf(self.store.getBuilds("full"))[::-1]

    def test_built(self) -> None:
        """A push to GitHub becomes changes, and one build of them."""
        answer = self.push()
        self.assertEqual((answer.status, answer.text), (202, "taken: 2 changes: 1, 2\n"))
        self.assertIn("nosniff", answer.headers["x-content-type-options"])
        (entry,) = self.actions()
        self.assertEqual((entry.how, entry.address, entry.action), ("hook", "127.0.0.1", "sendChange"))
        self.wait(12)
        (build,) = self.builds()
        self.assertEqual(build.results, SUCCESS)
        self.assertEqual(build.sourcestamp["branch"], "main")
        self.assertEqual([each["number"] for each in build.sourcestamp["changes"]], [1, 2])
        self.assertEqual(build.sourcestamp["changes"][1]["revision"], NEW)

    def test_repeated(self) -> None:
        """Row 66: a repeated delivery is not built again, also after a restart."""
        self.push()
        self.wait(12)
        self.assertEqual(self.push().status, 200)
        self.stop()
        self.slaves, self.connections = [], []
        self.successResultOf(self.start())
        self.connect(onCommand=lambda command: command.end(0))
        again = self.push()
        self.assertEqual(again.status, 200)
        self.assertIn("taken already", again.text)
        self.wait(12)
        self.assertEqual(len(self.builds()), 1)

    def test_refused(self) -> None:
        """S1: a wrong signature is refused, and so is a hook without a secret."""
        wrong = {"x-hub-signature-256": f"sha256={'0' * 64}"}
        self.assertEqual(self.push(**wrong).status, 401)
        self.assertEqual(self.ask("/change_hook", "POST", b'{"who": "x"}').status, 401)
        self.assertEqual(self.ask("/change_hook/gitlab", "POST", b"{}").status, 404)
        self.assertEqual(self.ask("/change_hook/a/b", "POST", b"{}").status, 404)
        self.wait(12)
        self.assertEqual(self.builds(), [])

    def test_get(self) -> None:
        """D: a GET request changes nothing."""
        answer = self.ask("/change_hook/base?who=ann")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "POST"))

    def test_accessLog(self) -> None:
        """S1: a secret in the URL does not come into the access log."""
        self.web.site.startFactory()  # a port in memory does not
        answer = self.ask("/change_hook/github?token=canary-1", "POST", b"{}")
        self.assertEqual(answer.status, 401)
        self.web.site.stopFactory()
        with open(os.path.join(self.basedir, "http.log"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("POST /change_hook/github HTTP", text)
        self.assertNotIn("canary", text)

    def test_adminOnly(self) -> None:
        """S1: a visitor does not see the page about deliveries."""
        self.assertEqual(self.ask("/about/hooks").status, 403)

    def test_json(self) -> None:
        """A program may ask for the answer as JSON."""
        answer = self.push(accept="application/json")
        self.assertEqual(answer.json, {"status": 202, "text": "taken: 2 changes: 1, 2", "changes": [1, 2]})

    def test_wrongBody(self) -> None:
        """A body that cannot be understood is answered 400, and says why."""
        answer = self.push(payloads.githubPush(ref=5))
        self.assertEqual((answer.status, answer.text), (400, "ref must be text, not an int\n"))

    def test_largeBody(self) -> None:
        """D2: a hook takes larger bodies than a form, up to 25 MiB."""
        answer = self.push(payloads.githubPush(padding="x" * 100_000))
        self.assertEqual(answer.status, 202)
        connection = self.dial()
        connection.send(b"POST /change_hook/github HTTP/1.1\r\nHost: h\r\nContent-Length: 27000000\r\n\r\n")
        self.assertIn(b" 413 ", connection.received())

    def test_doubt(self) -> None:
        """S1: checkconfig warns of a hook that would refuse every delivery."""
        warnings = [each.message for each in self.master.config.warnings]
        self.assertEqual(len([each for each in warnings if "hook 'base' has no secret" in each]), 1, warnings)
        self.assertNotIn(SECRET, repr(warnings))

    def test_wrongOption(self) -> None:
        """A wrong option is an error of the configuration; the hooks in force go on."""
        self.edit("'base': True", "'base': {'sekrit': 'x'}")
        outcome = self.reconfig()
        self.assertFalse(outcome["applied"])
        self.assertIn("no option 'sekrit'", str(outcome))
        self.assertEqual(self.push().status, 202)

    def test_newSecret(self) -> None:
        """A reconfig changes the secret."""
        self.edit(f"{SECRET!r}", "'other'")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.push().status, 401)
