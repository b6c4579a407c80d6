"""A person leaves pages open: they follow the master, and nothing that the person does is disturbed."""

from __future__ import annotations

from tests.browser.chromium import Device, Tab
from tests.browser.site import BrowserCase, oneOfEach

#: Set marks: the page is the same, a link has the focus, a heading is selected, the page is scrolled.
_MARK = """(() => { window.isSame = true; window.changes = 0;
  new MutationObserver(() => { window.changes += 1; }).observe(document.getElementById('main'),
    {childList: true, characterData: true, subtree: true, attributes: true});
  const links = [...document.querySelectorAll('#main [data-part] a[href]')];
  links[links.length - 1].focus({preventScroll: true});
  getSelection().selectAllChildren(document.querySelector('#main [data-part] :is(th, dt, h2)'));
  scrollTo(0, 40); return true; })()"""
_MARKS = "[window.isSame, document.activeElement.getAttribute('href'), String(getSelection()), scrollY]"
#: Remember the elements of all links of the parts that change.
_REMEMBER = """(() => { window.linked = () => {
    const all = [...document.querySelectorAll('#main [data-part] a[href]')].map((each) =>
      [each.getAttribute('href'), each]);
    return new Map(all.filter(([to]) => all.filter((other) => other[0] === to).length === 1)); };
  window.before = linked(); return before.size; })()"""
#: The links that are still on the page, but as other elements: these have lost their focus.
_LOST = "[...linked()].filter(([to, each]) => before.has(to) && before.get(to) !== each).map(([to]) => to)"
#: Exchange the rows of tables at random: what is shown, which rows stay, and whether the focus stays.
_EXCHANGE = r"""(() => {
  let seed = 7;
  const random = (most) => { seed = (seed * 1103515 + 12345) % 2147483647; return seed % most; };
  const row = (name) => `<tr><td>${random(3)}</td><td><a href="#${name}">${name}</a> ${random(2)}</td></tr>`;
  const rows = (names) => `<table><tbody>${names.map(row).join('')}</tbody></table>`;
  const shuffled = () => [...'abcdefgh'].map((name) => [random(1000), name]).sort().map((each) => each[1])
    .slice(0, random(9));
  const box = document.createElement('div'), faults = []; main.append(box);
  const link = (name) => box.querySelector(`a[href="#${name}"]`);
  for (let count = 0; count < 500; count += 1) {
    const before = shuffled(), after = shuffled(), both = before.filter((name) => after.includes(name));
    box.replaceChildren(...documentOf(rows(before)).body.childNodes);
    const old = new Map(both.map((name) => [name, link(name)])), wanted = rows(after);
    const focused = both[random(both.length || 1)];
    if (focused) link(focused).focus();
    become(box, documentOf(wanted).body);
    const isKept = both.every((name) => link(name) === old.get(name));
    const isFocused = !focused || document.activeElement === link(focused);
    if (box.innerHTML !== wanted || !isKept || !isFocused) faults.push([before, after, focused, wanted]);
  }
  box.remove(); return faults.slice(0, 3); })()"""
_STATE = "document.getElementById('live-state').textContent"
#: Pages that show nothing of what happens here: schedulers, and a change without builds.
_STEADY = ("schedulers", "schedulers/quick", "changes/1")


class LivePagesTests(BrowserCase):
    """All pages that follow the master are open at once."""

    def test_pages(self) -> None:
        """Each live page shows what changes; its focus, selection and position stay (row 24).

        So does each of its links, also in a row that is moved.
        It says how old its content is. A hidden page has no stream; it shows the changes when it is shown
        again. A page can be open twice.
        """
        opened: dict[str, Tab] = {}
        for address in oneOfEach("long"):
            tab = self.tab(Device(1280, 200))
            tab.open(self.root + address)
            if tab.value("!document.getElementById('main').dataset.live"):
                tab.close()
                continue
            opened[address] = tab
        self.assertGreater(len(opened), 15)
        self.assertEqual(opened["builders"].value(_EXCHANGE), [])
        hidden = opened["builders"]
        twin = self.browser.tab(beside=hidden)
        twin.open(self.root + "builders")
        hidden.until(
            f"document.hidden && {_STATE} === 'Paused while the page is hidden.'", "the page is hidden"
        )
        before = {}
        for address, tab in opened.items():
            if tab is not hidden:
                tab.until(f"{_STATE} === 'Live.'", f"{address} is live")
            tab.value(_MARK)
            self.assertGreater(tab.value(_REMEMBER), 0, address)
            before[address] = tab.value(_MARKS)
        self.change()
        for address, tab in opened.items():
            if address not in _STEADY and tab is not hidden:
                tab.until("window.changes > 0", f"{address} shows a change")
            self.assertEqual(tab.value(_MARKS), before[address], address)
            self.assertEqual(tab.value(_LOST), [], address)
            self.assertEqual(tab.messages, [], address)
        words = "document.querySelector('#main tr:has([href=\"builders/long\"])').innerText"
        twin.until(f"!/building/.test({words})", "the builder is idle")
        self.assertIn("building", hidden.value(words))
        hidden.ask("Page.bringToFront")
        hidden.until(f"!document.hidden && {_STATE} === 'Live.'", "the page is live again")
        hidden.until(f"!/building/.test({words})", "the builder is idle")
        self.assertEqual(hidden.value(_MARKS), before["builders"])
        hidden.until("/Updated [1-9]\\d* s ago/.test(document.querySelector('footer').innerText)", "the age")

    def change(self) -> None:
        """Do what changes each page: a build ends, another one runs, a change comes."""
        self.go()
        self.whenFinished("long", 0)
        self.request("long")
        self.whenFinished("long", 1)
        self.sendChange(2)
