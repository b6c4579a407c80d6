// The script of all pages. Every page is complete without it; it keeps an open page up to date.
"use strict";

const byId = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (name, given) => Object.assign(document.createElement(name), given);
const boxOf = (element) => element.getBoundingClientRect();
const on = (target, name, act, how) => target.addEventListener(name, act, how);
const main = byId("main");
const state = byId("live-state");
// Outside of the state, which is read aloud.
const age = make("span");
let stream = null;
// The reader has lost the right to the live page.
let isOver = false;
let updated = Date.now();
// Milliseconds to the next attempt to connect.
let wait = 5000;

// Pages permit HTML from the server only through this policy; it is the one place where text becomes elements.
const policy = globalThis.trustedTypes?.createPolicy("buildbot", { createHTML: (html) => html });

function documentOf(html) { return new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html"); }

function say(text) { if (state.textContent !== text) state.textContent = text; }

// Replace the changed parts of the page. Unchanged parts keep their focus, selection, position and form.
function exchange(message) {
  updated = Date.now();
  for (const [id, html] of Object.entries(JSON.parse(message.data))) {
    const old = byId(id);
    if (old) become(old, bodyOf(html, message.type === "rows"));
  }
  showTimes();
}

// A row of a table is parsed within a table; elsewhere its cells would be lost.
function bodyOf(html, isRow) {
  const text = isRow ? `<table><tbody><tr>${html}</tr></tbody></table>` : html;
  const { body } = documentOf(text);
  return isRow ? body.querySelector("tr") : body;
}

// Give an element the content of another element. A node that stays keeps its identity, also at another place.
function become(old, made) {
  const nodes = [...made.childNodes], others = new Set(old.childNodes), kept = keptOf(nodes, others);
  let here = old.firstChild;
  for (const node of nodes) {
    let own = kept.get(node);
    while (others.has(here) && (own || !isAlike(here, node))) here = dropped(here);
    if (others.delete(here)) own = here;
    // The node between is moved when its turn comes.
    if (own && own === here?.nextSibling) here = own;
    if (!own) old.insertBefore(node, here);
    else if (own === here) here = own.nextSibling;
    else move(old, own, here);
    if (own && !own.isEqualNode(node)) renew(own, node);
  }
  while (here) here = dropped(here);
}

// The old nodes that stay, by the new node. They have the same links, or the same first ones.
function keptOf(nodes, others) {
  const kept = new Map();
  for (const count of [Infinity, 2, 1]) {
    const named = new Map();
    for (const old of others) {
      const name = nameOf(old, count);
      if (named.has(name)) named.get(name).push(old); else named.set(name, [old]);
    }
    for (const node of nodes) {
      const old = kept.has(node) ? null : named.get(nameOf(node, count))?.shift();
      if (old) { kept.set(node, old); others.delete(old); }
    }
  }
  return kept;
}

function dropped(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

// Move a node to another place. An old browser takes its focus away.
function move(parent, node, before) {
  const focus = document.activeElement;
  if (parent.moveBefore) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
  if (document.activeElement !== focus) focus.focus({ preventScroll: true });
}

// A row or cell may become that of another thing if nobody can have typed or opened something there.
function isAlike(old, made) {
  return old.nodeName === made.nodeName && old.matches?.("tr, td, th, li, dd") && !old.id && !made.id &&
    !old.querySelector("form, input, button, details");
}

// The name of a node: its id, or the addresses of its first links.
function nameOf(node, count) {
  if (node.nodeType !== Node.ELEMENT_NODE) return node.nodeName;
  const links = node.matches("a") ? [node] : node.matches("tr, td, th, li, dd") ? all("a[href]", node) : [];
  return `${node.nodeName} ${node.id || links.slice(0, count).map((link) => link.getAttribute("href")).join(" ")}`;
}

function renew(old, made) {
  if (old.nodeType !== Node.ELEMENT_NODE) { old.data = made.data; return; }
  // Somebody fills it in.
  if (old.nodeName === "FORM" && isEdited(old)) return;
  for (const { name } of [...old.attributes]) if (!made.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of made.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  become(old, made);
}

function isEdited(form) {
  return [...form.elements].some((field) => field.matches("select") ? field === document.activeElement
    : !field.matches("button") && (field.checked !== field.defaultChecked || field.value !== field.defaultValue));
}

function connect() {
  const address = main && main.dataset.live;
  if (!address || stream || isOver || document.hidden) return;
  stream = listen(address, { parts: exchange, rows: exchange, reload: () => location.reload() });
}

// A stream of events. After a break the browser connects again by itself, but not after an error of a proxy.
function listen(address, events) {
  const source = new EventSource(address);
  on(source, "open", () => { updated = Date.now(); wait = 5000; say("Live."); });
  on(source, "error", () => {
    say("The connection is lost; the page tries again.");
    if (source.readyState !== EventSource.CLOSED) return;
    forget(source);
    checkPage();
    setTimeout(resume, wait);
    wait = Math.min(60000, 2 * wait);
  });
  on(source, "closed", (message) => closed(source, JSON.parse(message.data)));
  for (const [name, act] of Object.entries(events)) on(source, name, act);
  return source;
}

// A page that is gone, or that its reader may not see any more, has no stream.
async function checkPage() {
  const { status, redirected } = await fetch(location.href, { method: "HEAD" }).catch(() => ({}));
  if (redirected || [401, 403, 404].includes(status)) over("");
}

function over(why) {
  isOver = true;
  say(`Not live any more. ${why} Load the page again.`);
}

function forget(source) {
  if (source === stream) stream = null; else follower = null;
  source.close();
}

// The server has ended the stream for good, or asks the browser to come again.
function closed(source, { why, mayReturn }) {
  if (mayReturn) return;
  forget(source);
  over(why);
}

function resume() { connect(); if (log && button) followLog(); }

function pause() {
  if (!stream && !follower) return;
  stream?.close();
  follower?.close();
  stream = follower = null;
  say("Paused while the page is hidden.");
}

on(document, "visibilitychange", () => { if (document.hidden) pause(); else resume(); });
on(window, "pagehide", pause);
on(window, "pageshow", (event) => { if (event.persisted) resume(); });

// A double click on a button acts once. Typed text is kept until an action succeeds, because a login may have ended.
// It is forgotten at a logout, and when another user logs in.
on(document, "submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (Date.now() - (form.dataset.sent || 0) < 3000) { event.preventDefault(); return; }
  form.dataset.sent = Date.now();
  // Its name must not replace the text of a refused form.
  const isLogin = form.querySelector("[type=password]");
  if (targetOf(form).endsWith("/logout")) keep(null);
  else if (form.classList.contains("act") && !isLogin) keep({ user: userName(), form: nameOfForm(form), values: fieldsOf(form).map((field) => [keyOf(field), field[partOf(field)]]) });
});

function fieldsOf(form) { return all("textarea, option, input:not([type=hidden])", form); }

// The attribute of a field that a person changes.
function partOf(field) { return field.matches("option") ? "selected" : field.type === "checkbox" ? "checked" : "value"; }

// The boxes of a form, and the options of a list, have the same name.
function keyOf(field) { return `${field.name || field.parentNode.name} ${partOf(field) === "value" || field.value}`; }

// A field may be called "action".
function targetOf(form) { return new URL(form.getAttribute("action") || "", location).href; }

// Several forms of a page may have the same target.
function nameOfForm(form) { return [targetOf(form), ...all("[type=hidden]", form).map((each) => each.value)].join(" "); }

function userName() { return document.querySelector(".who a[href$='me']")?.textContent || ""; }

// A private window may refuse to store anything.
function keep(typed) { try { sessionStorage.setItem("typed", JSON.stringify(typed)); } catch {} }

function restoreTyped() {
  if (main.querySelector(".note.done")) { keep(null); return; }
  let typed = null;
  try { typed = JSON.parse(sessionStorage.getItem("typed")); } catch {}
  if (typed?.user && typed.user !== userName()) {
    if (userName()) keep(null);
    return;
  }
  const form = typed && all("form.act").find((each) => nameOfForm(each) === typed.form);
  if (!form) return;
  const values = new Map(typed.values);
  for (const field of fieldsOf(form)) if (values.has(keyOf(field))) field[partOf(field)] = values.get(keyOf(field));
  form.closest("details")?.setAttribute("open", "");
  keep(null);
}

// The message about an action is shown once: a copied address, or one that is loaded again, does not have it.
function showOnce() {
  const here = new URL(location);
  if (!here.searchParams.has("done")) return;
  here.searchParams.delete("done");
  history.replaceState(null, "", here);
}

// Times: the server writes its own zone.
function showTimes() {
  const now = Date.now() / 1000;
  for (const time of all("time[data-since]")) write(time, duration(now - Number(time.dataset.since)));
  write(age, stream || follower ? `Updated ${duration(now - updated / 1000)} ago.` : "");
}

// Write only a changed text: an unchanged text may be selected.
function write(element, text) { if (element.textContent !== text) element.textContent = text; }

// The title of a time has the browser's zone. Formats of times take long to load: this waits for somebody to point at one.
on(document, "pointerover", ({ target }) => {
  const time = target.closest("time[datetime]");
  if (time) time.title = `Your time: ${new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" })}`;
});

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} days`;
}

setInterval(() => { if (!document.hidden) showTimes(); }, 1000);

// Keys. Those in a field are left alone. The list of keys can switch all others off.
const PLACES = { h: ["", "Home"], w: ["waterfall", "Waterfall"], b: ["builders", "Builders"], q: ["queue", "Queue"],
  s: ["buildslaves", "Slaves"], c: ["changes", "Changes"] };
// "g" was the key before.
let isGoing = false;

function isOff() { try { return localStorage.getItem("keys") === "off"; } catch { return false; } }

function isKey(event) {
  return !(event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog"));
}

// Go to the first link of the next or previous row.
function goToRow(isNext) {
  const rows = all("tbody tr", main).filter((row) => row.querySelector("a[href]"));
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[isNext ? here + 1 : here < 0 ? rows.length - 1 : here - 1];
  row?.querySelector("a[href]").focus();
}

function showKeys() {
  let dialog = byId("keys");
  if (!dialog) {
    dialog = make("dialog", { id: "keys" });
    dialog.setAttribute("aria-labelledby", "keys-title");
    const lines = [["?", "This list"], ["/", "Search"], ["j", "Next row"], ["k", "Previous row"]];
    for (const [key, [, name]] of Object.entries(PLACES)) lines.push([`g ${key}`, name]);
    if (log) lines.push(["n", "Next failing line"], ["p", "Previous failing line"]);
    const items = lines.map(([key, name]) => `<dt>${key}</dt><dd>${name}</dd>`).join("");
    dialog.append(...parsed(`<h2 id="keys-title">Keys</h2><dl class="facts">${items}</dl><p><label><input type="checkbox"> Use
      these keys</label></p><form method="dialog"><button>Close</button></form>`));
    const box = dialog.querySelector("input");
    box.checked = !isOff();
    on(box, "change", () => { try { localStorage.setItem("keys", box.checked ? "on" : "off"); } catch {} });
    document.body.append(dialog);
  }
  dialog.showModal();
}

on(document, "keydown", (event) => {
  if (!isKey(event)) return;
  const wasGoing = isGoing;
  isGoing = false;
  if (event.key === "?") { event.preventDefault(); showKeys(); return; }
  if (isOff()) return;
  if (wasGoing && Object.hasOwn(PLACES, event.key)) location.assign(document.body.dataset.root + PLACES[event.key][0] || "./");
  else if (event.key === "/") { event.preventDefault(); byId("q").focus(); }
  else if (event.key === "j" || event.key === "k") goToRow(event.key === "j");
  else isGoing = event.key === "g";
});

const keys = make("button", { textContent: "Keys" });
on(keys, "click", showKeys);
document.querySelector("footer p").append(" ", keys);

// Logs. New lines are added at the end. The page scrolls only if its reader is at the end and selects nothing.
const log = byId("log");
const button = byId("new-lines");
// While the log is followed, older blocks are dropped.
const MOST_BLOCKS = 60;
let follower = null;
// New lines that the reader has not seen.
let fresh = 0;
let isLoading = false;
let lastScroll = 0;
// Where showEnd scrolled to; Infinity after its reader has scrolled up, or selected something.
let endScroll = Infinity;
// The reader has clicked a line, and has not gone to the end since.
let isHeld = false;

state.after(" ", age);
restoreTyped();
showOnce();
(globalThis.requestIdleCallback || setTimeout)(begin, { timeout: 500 });

// The stream is opened here: that would delay the first paint.
function begin() {
  showTimes();
  showZone();
  connect();
}

// The browser may find later that lines are taller than it thought. Then the end moves, but its reader has not left it.
function isAtEnd() {
  const isStill = !isHeld && getSelection().isCollapsed;
  if (!isStill || scrollY < endScroll - 1) endScroll = Infinity;
  return isStill && (endScroll < Infinity || boxOf(log).bottom <= innerHeight + 8);
}

function withTimes() { return log.dataset.times ? "&times=1" : ""; }

function followLog() {
  const { follow, output } = log.dataset;
  if (!follow || output === "" || follower || isOver || document.hidden) return;
  const end = () => {
    pauseLog("The log is complete.");
    log.dataset.follow = "";
    for (const link of all(".parts .follow")) link.remove();
    // The step ends a little later.
    setTimeout(showOutcome, 1500);
  };
  follower = listen(`${follow}?from=${output}${withTimes()}`, { lines: addLines, skipped: addGap, marks: fold, end });
}

// Replace the parts above the log: the result and the failing lines. The lines keep their position.
async function showOutcome() {
  if (document.hidden) { lookAgain(); return; }
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = documentOf(await answer.text());
  const place = boxOf(log).bottom;
  for (const id of ["facts", "outline"]) {
    const old = byId(id), made = page.getElementById(id);
    if (old && made) become(old, made);
  }
  scrollBy(0, boxOf(log).bottom - place);
  tellSpan();
  showTimes();
  lookAgain();
}

// The master still searches the log for failing lines.
function lookAgain() { if (byId("searched")) setTimeout(showOutcome, 3000); }

// The master's time zone is in the footer; add the browser's if it differs.
function showZone() {
  const zone = byId("zone"), minutes = -new Date().getTimezoneOffset();
  if (Number(zone.dataset.minutes) === minutes) return;
  const two = (number) => String(Math.floor(number)).padStart(2, "0"), size = Math.abs(minutes);
  const offset = `UTC${minutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  zone.append(` Your time zone is ${timeZone} (${offset}): point at a time to read it in yours.`);
}

function pauseLog(why) {
  if (!follower) return;
  follower.close();
  follower = null;
  say(why);
}

function lastBlock() {
  const blocks = all(".block", log), last = blocks.at(-1);
  if (last && !(Number(last.dataset.last) - Number(last.dataset.first) >= 999) && last.childElementCount < 1000) return last;
  if (last) last.className = "block";
  if (blocks.length > MOST_BLOCKS && isAtEnd()) blocks[0].remove();
  const block = make("div", { className: "block short" });
  if (!last) log.replaceChildren();
  log.append(block);
  return block;
}

// Add lines. The complete line replaces an incomplete one.
function addLines(message) {
  const wasAtEnd = isAtEnd();
  updated = Date.now();
  for (const line of parsed(message.data)) {
    const old = byId(line.id);
    if (old) { old.replaceWith(line); continue; }
    const block = lastBlock();
    sectionIn(block).append(line);
    if (line.id[0] === "L") {
      if (!block.dataset.first) block.dataset.first = line.id.slice(1);
      block.dataset.last = log.dataset.total = line.id.slice(1);
    }
    fresh += 1;
  }
  log.dataset.output = message.lastEventId;
  tellSpan();
  if (wasAtEnd) showEnd();
  else tellFresh();
}

// Open-ended sections: the marker of their end (of), their title, and their element in the last block.
let folds = [];

function newSection(title, isPale) {
  const box = make("details", { className: isPale ? "section pale" : "section", open: true });
  box.append(make("summary", { textContent: title }));
  return box;
}

// The place for the next line of a block: the innermost section without an end yet.
function sectionIn(block) {
  let place = block;
  for (const each of folds) {
    if (!block.contains(each.box)) {
      each.box = newSection(`${each.title} (continued)`, each.isPale);
      place.append(each.box);
    }
    place = each.box;
  }
  return place;
}

// The element and its later siblings.
function fromHere(element) {
  const found = [];
  for (let each = element; each; each = each.nextElementSibling) found.push(each);
  return found;
}

// Put the new lines into sections, according to their markers. A finished section is closed if nobody reads in it.
function fold(message) {
  const wasAtEnd = isAtEnd();
  for (const { line, title, of, open, pale, last, show } of JSON.parse(message.data)) {
    const inner = folds.at(-1);
    const element = byId(`L${line || last}`);
    if (show && inner) inner.isOpen = true;
    else if (title && element && folds.length < 20) {
      const box = newSection(title, pale);
      element.before(box);
      box.append(...fromHere(element));
      folds.push({ of, title, isPale: pale, isOpen: open, box });
    } else if (last) {
      const place = folds.map((each) => each.of).lastIndexOf(of);
      if (place < 0) continue;
      const ended = folds[place];
      if (element && inner.box.contains(element)) ended.box.after(...fromHere(element).slice(1));
      folds = folds.slice(0, place);
      if (wasAtEnd && !ended.isOpen && !ended.box.querySelector(".bad, .hit")) ended.box.open = false;
    }
  }
  if (wasAtEnd) showEnd();
}

function addGap(message) {
  const { from, to } = JSON.parse(message.data);
  const gap = make("div", { className: "gap" });
  const link = make("a", { href: `?from=${from}`, textContent: "Show them" });
  gap.append(`… ${(to - from).toLocaleString("en")} bytes are left out here: they came too fast for this connection. `, link);
  lastBlock().append(gap);
}

function parsed(html) { return [...documentOf(html).body.children]; }

function showEnd() {
  isHeld = false;
  fresh = 0;
  tellFresh();
  log.scrollIntoView({ block: "end" });
  lastScroll = endScroll = scrollY;
}

function tellFresh() {
  button.hidden = fresh === 0;
  button.textContent = fresh === 1 ? "1 new line" : `${fresh} new lines`;
}

// The lines that the page has now.
function tellSpan() {
  const blocks = all(".block[data-first]", log);
  if (!blocks.length) return;
  const { first } = blocks[0].dataset, { last } = blocks.at(-1).dataset, { total } = log.dataset;
  write(byId("shown"), `lines ${first} to ${last} of ${total}`);
  for (const [rel, line] of [["prev", first - 1], ["next", Number(last) + 1]]) {
    for (const link of all(`.parts [rel=${rel}]`)) if (line && line <= total) link.href = addressOf(line); else link.remove();
  }
}

// Load the block before or after the blocks of the page. The visible lines keep their position.
async function loadMore(isOlder) {
  const blocks = all(".block[data-first]", log);
  if (isLoading || !blocks.length || !log.dataset.lines) return;
  const top = Number(blocks[0].dataset.first), bottom = Number(blocks.at(-1).dataset.last);
  let first = isOlder ? Math.max(1, Math.floor((top - 2) / 1000) * 1000 + 1) : bottom + 1;
  const last = isOlder ? top - 1 : bottom + 1000;
  if (first > last || (!isOlder && bottom >= Number(log.dataset.total))) return;
  isLoading = true;
  try {
    const found = [];
    let part = null;
    while (first <= last) {
      const answer = await fetch(`${log.dataset.lines}?format=html&first=${first}&count=${last - first + 1}${withTimes()}`);
      if (!answer.ok) return;
      [part] = parsed(await answer.text());
      found.push(...part.children);
      if (Number(part.dataset.last) < first || !isOlder) break;
      first = Number(part.dataset.last) + 1;
    }
    if (isOlder) {
      const place = boxOf(blocks[0]).top;
      log.prepend(...found);
      scrollBy(0, boxOf(blocks[0]).top - place);
    } else {
      log.append(...found);
      Object.assign(log.dataset, { total: part.dataset.total, output: part.dataset.output });
      followLog();
    }
    tellSpan();
  } finally { isLoading = false; }
}

// A link to lines: "#L120" or "#L120-L140".
function marked() {
  const match = /^#L(\d+)(?:-L?(\d+))?$/.exec(location.hash);
  return match && [Number(match[1]), Number(match[2] || match[1])];
}

function showMarked(isScrolled) {
  for (const line of all(".hit", log)) line.classList.remove("hit");
  const lines = marked();
  if (!lines) return;
  const [first, last] = lines;
  const target = byId(`L${first}`);
  if (!target) {
    if (new URLSearchParams(location.search).get("line") !== String(first)) location.replace(`?line=${first}${withTimes()}${location.hash}`);
    return;
  }
  for (let number = first; number <= last; number += 1) {
    const line = byId(`L${number}`);
    if (!line) break;
    line.classList.add("hit");
    for (let fold = line.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  }
  if (isScrolled) target.scrollIntoView({ block: "center" });
}

// The address of the page around a line.
function addressOf(line) { return `?line=${line}${withTimes()}#L${line}`; }

function goToLine(first, last, isScrolled) {
  const place = addressOf(first) + (last > first ? `-L${last}` : "");
  if (!byId(`L${first}`)) { location.assign(place); return; }
  history.replaceState(null, "", place);
  isHeld = true;
  showMarked(isScrolled);
}

// The next or previous failing line: of the list at the top, or on the page.
function goToFailure(isNext) {
  const numbers = [...all("#failing a[data-line]").map((link) => link.dataset.line), ...all(".bad[id^=L]", log).map((line) => line.id.slice(1))];
  const here = marked()?.[0] || 0;
  const others = numbers.map(Number).sort((a, b) => a - b).filter((each) => (isNext ? each > here : each < here));
  const line = others.at(isNext ? 0 : -1);
  if (line) goToLine(line, line, true);
}

if (log && button) {
  on(button, "click", showEnd);
  on(window, "scroll", () => {
    const box = boxOf(log);
    const isUp = scrollY < lastScroll;
    isHeld &&= scrollY <= lastScroll;
    lastScroll = scrollY;
    if (isAtEnd() && fresh) showEnd();
    if (isUp && box.top < 0 && box.top > -1000) loadMore(true);
    else if (!isUp && box.bottom < innerHeight + 1000) loadMore(false);
  }, { passive: true });
  on(log, "click", (event) => {
    const number = event.target.closest("a[tabindex]");
    if (!number || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const line = Number(number.textContent), other = (event.shiftKey && marked()?.[0]) || line;
    goToLine(Math.min(line, other), Math.max(line, other), false);
  });
  on(window, "hashchange", () => showMarked(true));
  on(document, "keydown", (event) => {
    if (!isKey(event) || isOff()) return;
    if (event.key === "n" || event.key === "p") goToFailure(event.key === "n");
  });
  folds = all(".block:last-of-type details[data-of]", log).map((box) => ({ box, of: box.dataset.of,
    title: box.firstChild.textContent, isPale: box.classList.contains("pale"), isOpen: false }));
  showMarked(true);
  lookAgain();
  if (log.dataset.follow && log.dataset.output !== "" && !location.hash) showEnd();
  followLog();
  // Its lines are being counted.
  if (log.dataset.part) setTimeout(() => location.reload(), 1000);
}
