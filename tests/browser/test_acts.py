"""A person acts: without script, by the keyboard alone, twice by accident."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping

from buildbot.text.lasting import lasting
from tests.browser.chromium import Device, Tab
from tests.browser.site import BrowserCase

_STATE = "document.getElementById('live-state').textContent"
_READY = "document.readyState === 'complete'"
#: Fill in the second of two forms with the same target, keep what is typed, and put it into a new form.
_KEEP = r"""(() => {
  const one = (name) => `<form class="act" method="post" action="x/force">
    <input type="hidden" value="${name}"><input type="text" name="comments" value="usual">
    <input type="checkbox" name="checkbox" value="a" checked>
    <input type="checkbox" name="checkbox" value="b"><select name="one"><option>x</option><option selected>y
    </option></select><select name="many" multiple><option selected>x</option><option>y</option></select>
    </form>`;
  const box = document.createElement('div');
  const fill = () => box.replaceChildren(...documentOf(one('first') + one('second')).body.children);
  const states = () => [...box.children].map((form) => fieldsOf(form).map((field) => field[partOf(field)]));
  main.append(box); fill();
  const before = states(), fields = fieldsOf(box.children[1]);
  fields[0].value = ''; fields[1].checked = false; fields[2].checked = true; fields[3].selected = true;
  fields[5].selected = false; fields[6].selected = true;
  const changed = states();
  keep({ user: userName(), form: nameOfForm(box.children[1]), values: fields.map((field) =>
    [keyOf(field), field[partOf(field)]]) });
  fill(); restoreTyped();
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const kept = states(); box.remove();
  return [same(kept, changed), !same(kept, before)]; })()"""

#: Exchange a table of waiting requests: the number that each row shows, and the one that its button cancels.
_CANCEL = r"""(() => {
  const row = (id) => `<tr><td>${id}</td><td><form class="act" method="post" action="x"><input type="hidden"
    name="id" value="${id}"><button>Cancel</button></form></td></tr>`;
  const table = (...ids) => documentOf(`<table><tbody>${ids.map(row).join('')}</tbody></table>`).body;
  const box = document.createElement('div');
  main.append(box); box.replaceChildren(...table(1, 2).childNodes); become(box, table(2, 3));
  const found = [...box.querySelectorAll('tr')].map((each) =>
    [each.cells[0].textContent, each.querySelector('input').value]);
  box.remove(); return found; })()"""


class PlainActsTests(BrowserCase):
    """A browser without script."""

    rights = "default_action=True, admin=True, reconfig=True, shutdown=True, disconnectSlave=True"

    def test_acts(self) -> None:
        """Force, stop, cancel, rebuild, pause and resume work by plain forms without script (row 2).

        The comment of a form is the reason of the action, and each answer says what came of it.
        """
        self.plain = self.tab(Device(360, 740, isScripted=False))
        said = self.act("builders/broken", "builders/broken/force", {"comments": "a plain force"})
        self.assertRegex(said, r"(?i)forced|request|queued|begin")
        self.whenFinished("broken", 1)
        self.assertIn("a plain force", self.words("builders/broken/builds/1"))
        self.act("builders/broken/builds/1", "builds/1/rebuild", {"comments": "a plain rebuild"})
        self.whenFinished("broken", 2)
        self.assertIn("a plain rebuild", self.words("builders/broken/builds/2"))
        self.whileRunning()
        self.act("builders/long/builds/0", "builds/0/stop", {"comments": "a plain stop"})
        self.whenFinished("long", 0)
        self.assertIn("a plain stop", self.words("builders/long/builds/0"))
        self.act("builders/idle", "cancelbuild", {})
        self.assertNotIn("Cancel all", self.words("builders/idle"))
        self.act("buildslaves/bot1", "bot1/pause", {"comments": "a plain pause"})
        self.assertIn("a plain pause", self.words("buildslaves/bot1"))
        self.act("buildslaves/bot1", "bot1/unpause", {})
        self.assertRegex(self.words("buildslaves/bot1"), r"State\s+\W+\s+idle\s")
        self.others()

    def whileRunning(self) -> None:
        """The actions that wait for the end of the running build, and take themselves back."""
        self.outcomes(
            ("about", "reconfig", "Done: +The configuration is in force"),
            ("about", "shutdown", "wants the master to stop"),
            ("about", "cancel_shutdown", "The master does not stop"),
            ("buildslaves/bot1", "bot1/drain", "Done: +The slave is drained"),
            ("buildslaves/bot1", "bot1/unpause", "Done: +The slave gets builds again"),
        )

    def outcomes(self, *acts: tuple[str, str, str]) -> None:
        """Act on pages, and check what the answers tell."""
        for address, action, outcome in acts:
            self.assertRegex(self.act(address, action, {}), outcome, action)

    def others(self) -> None:
        """All other actions, each by Enter on its button; the answer tells the outcome (row 72)."""
        self.outcomes(
            ("builders/broken", "broken/ping", "Done: +All slaves have answered"),
            ("changes/1", "stopchangeall", "No build of change 1 is running"),
            ("builders/broken/stopchange?change=1", "stopchange", "No build of change 1 is running"),
            ("builders/_all/forceall", "forceall", "5 forced builds on 5 builders"),
            ("builders/_all/stopall", "stopall", r"stopped builds? on 5 builders"),
            ("builders/_all/cancelpendingall", "cancelpendingall", r"cancelled requests? on 5 builders"),
            ("builders/_all/stopchangeall?change=1", "stopchangeall", "No build of change 1 is running"),
            ("buildslaves/bot1", "bot1/disconnect", "disconnected"),
        )
        for button, outcome in (
            ("forceselected", "1 forced build on 1 builder"),
            ("cancelpendingselected", "1 cancelled request on 1 builder"),
            ("stopselected", "0 stopped builds on 1 builder"),
        ):
            self.plain.open(self.root + "builders/_selected")
            self.focus(self.plain, "input[name=selected][value=idle]")
            self.plain.press(" ", "Space", " ")
            self.assertRegex(self.enter(f"button[formaction*={button}]"), outcome, button)

    def words(self, address: str) -> str:
        """The text of a page."""
        self.plain.open(self.root + address)
        return re.sub(r"<[^>]*>", " ", self.plain.html().partition("<main")[2])

    def act(self, address: str, action: str, values: Mapping[str, str]) -> str:
        """Fill in a form of a page as a person does, and send it; return the text of the answer."""
        tab = self.plain
        tab.open(self.root + address)
        form = f'form[method=post][action*="{action}"]'
        for name, value in values.items():
            self.focus(tab, f"{form} [name={name}]")
            tab.ask("Input.insertText", text=value)
        return self.enter(f"{form} button")

    def enter(self, button: str) -> str:
        """Press Enter on a button; return the text of the answer."""
        tab = self.plain
        self.focus(tab, button)
        tab.events.clear()
        tab.press("Enter", text="\r")
        self.browser.until(lambda: "Page.loadEventFired" in tab.events, f"the answer to {button}")
        return re.sub(r"<[^>]*>", " ", tab.html().partition("<main")[2])

    def focus(self, tab: Tab, selector: str) -> None:
        """Focus an element; folded forms are opened first. It needs no script."""
        root = tab.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
        for _ in range(2):
            node = tab.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
            self.assertTrue(node, f"no {selector}")
            try:
                tab.ask("DOM.focus", nodeId=node)
                return
            except AssertionError:
                summary = tab.ask(
                    "DOM.querySelector", nodeId=root, selector=f"details:has({selector}) > summary"
                )
                tab.ask("DOM.focus", nodeId=summary["nodeId"])
                tab.press("Enter", text="\r")
        self.fail(f"{selector} cannot be focused")


class ActsTests(BrowserCase):
    """A browser with script, without a mouse."""

    def test_acts(self) -> None:
        """Tab and Enter are enough to force a build; a double click forces one build.

        Typed text survives a refusal; an open page outlives a restart of the master.
        """
        tab = self.tab(Device(1280))
        self.force(tab)
        self.twice(tab)
        self.back(tab)
        self.typed(tab)
        self.reconfigured(tab)
        self.restarted(tab)

    def force(self, tab: Tab) -> None:
        """Press Tab up to the form, type a reason, and press Enter."""
        tab.open(self.root + "builders/broken")
        for _ in range(200):
            tab.press("Tab")
            if tab.value("document.activeElement.matches('form[action*=force] [name=comments]')"):
                break
            if tab.value(
                "document.activeElement.matches('summary') && !document.activeElement.parentNode.open"
            ):
                tab.press("Enter", text="\r")
        tab.ask("Input.insertText", text="by keys")
        self.sent(tab, lambda: tab.press("Enter", text="\r"))
        self.whenFinished("broken", 1)
        self.assertEqual(
            self.asked("builds", builder="broken", count=1)["finished"][0]["reason"], "forced: by keys"
        )

    def sent(self, tab: Tab, act: Callable[[], object]) -> None:
        """Do what loads another page, and wait for that page."""
        tab.value("window.isOld = true")
        act()
        tab.until(f"!window.isOld && {_READY}", "the answer")

    def twice(self, tab: Tab) -> None:
        """Click twice on "Force": there is one build more."""
        tab.open(self.root + "builders/broken")
        button = "document.querySelector('form[action*=force] button')"
        tab.value(f"{button}.closest('details') && ({button}.closest('details').open = true)")
        tab.value(f"{button}.scrollIntoView()")
        box = tab.value(
            f"(() => {{ const it = {button}.getBoundingClientRect(); return [it.x + 9, it.y + 9]; }})()"
        )
        tab.value("window.isOld = true")
        for count in (1, 2):
            for kind in ("mousePressed", "mouseReleased"):
                where = {"x": box[0], "y": box[1], "button": "left", "clickCount": count}
                tab.ask("Input.dispatchMouseEvent", type=kind, **where)
        tab.until(f"!window.isOld && {_READY}", "the answer")
        self.whenFinished("broken", 2)
        status = self.asked("builds", builder="broken", count=5)
        self.assertEqual((len(status["finished"]), status["running"]), (3, []))

    def back(self, tab: Tab) -> None:
        """Go to another page and back: the first page is live again."""
        tab.open(self.root + "builders")
        tab.until(f"{_STATE} === 'Live.'", "the page is live")
        self.sent(tab, lambda: tab.value("document.querySelector('#main a[href]').click()"))
        tab.value("window.isOld = true")
        tab.value("void setTimeout(() => history.back())")
        tab.until(f"location.pathname === '/builders' && {_STATE} === 'Live.'", "the page is live again")

    def typed(self, tab: Tab) -> None:
        """A refused action loses no typed text: the form has it again; after a success it is empty."""
        field = "document.querySelector('form[action*=force] [name=%s]')"
        reason, branch = field % "comments", field % "branch"
        tab.open(self.root + "builders/broken")
        self.assertEqual(tab.value(_KEEP), [True, True])
        self.assertEqual(tab.value(_CANCEL), [["2", "2"], ["3", "3"]])
        for seconds in (59, 61, 3599, 7260, 172799, 172800, 900000):
            self.assertEqual(tab.value(f"duration({seconds})"), lasting(seconds))
        tab.value(f"{reason}.value = 'a long reason'; {branch}.value = 'a;b'")
        self.sent(tab, lambda: tab.value(f"void {reason}.form.requestSubmit()"))
        tab.open(self.root + "builders/broken")
        self.assertEqual(tab.value(f"[{reason}.value, {branch}.value]"), ["a long reason", "a;b"])
        tab.value(f"{branch}.value = ''")
        self.sent(tab, lambda: tab.value(f"void {reason}.form.requestSubmit()"))
        self.whenFinished("broken", 3)
        tab.open(self.root + "builders/broken")
        self.assertEqual(tab.value(f"{reason}.value"), "")
        tab.open(self.root + "builders?tag=unit&done=x#main")
        self.assertTrue(tab.value("location.href").endswith("/builders?tag=unit#main"))

    def reconfigured(self, tab: Tab) -> None:
        """A page that is loaded again while the configuration is read is whole."""
        reading = threading.Thread(target=self.ok, args=("reconfig", self.master))
        reading.start()
        while reading.is_alive():
            self.assertEqual(tab.open(self.root + "builders"), 200)
            self.assertEqual(tab.value("document.querySelectorAll('#main tbody tr').length"), 5)

    def restarted(self, tab: Tab) -> None:
        """The master ends and starts again: an open page says so, and follows the new one by itself."""
        tab.open(self.root + "builders")
        tab.until(f"{_STATE} === 'Live.'", "the page is live")
        tab.value("window.isSame = true")
        self.ok("stop", self.master)
        tab.until(f"{_STATE} === 'The connection is lost; the page tries again.'", "the page says so")
        self.ok("start", self.master)
        tab.until(f"{_STATE} === 'Live.'", "the page is live again")
        self.request("broken")
        words = "document.querySelector('#main tr:has([href=\"builders/broken\"])').innerText"
        self.whenFinished("broken", 4)
        tab.until(f"window.isSame && /#4/.test({words})", "the page shows the build")
