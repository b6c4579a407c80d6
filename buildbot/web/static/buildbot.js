// The script of all pages. Every page is complete without it; it keeps an open page up to date.
"use strict";

const main = document.getElementById("main");
const state = document.getElementById("live-state");
let stream = null;
let updated = Date.now();

function say(text) { if (state) state.textContent = text; }

// Exchange the parts of the page that have changed. Focus and scroll position stay.
function exchange(message) {
  updated = Date.now();
  for (const [id, html] of Object.entries(JSON.parse(message.data))) {
    const old = document.getElementById(id);
    if (!old) continue;
    const focused = document.activeElement && old.contains(document.activeElement) ? document.activeElement : null;
    const key = focused && (focused.id || focused.getAttribute("href"));
    const parsed = new DOMParser().parseFromString(html, "text/html");
    old.replaceChildren(...parsed.body.childNodes);
    if (key) {
      const again = old.querySelector(`#${CSS.escape(key)}, [href="${CSS.escape(key)}"]`);
      if (again) again.focus({ preventScroll: true });
    }
  }
  showTimes();
}

function connect() {
  const address = main && main.dataset.live;
  if (!address || stream || document.hidden) return;
  stream = new EventSource(address);
  stream.addEventListener("open", () => say("Live."));
  stream.addEventListener("parts", exchange);
  stream.addEventListener("reload", () => location.reload());
  stream.addEventListener("error", () => say("The connection is lost; the page tries again."));
}

function disconnect() {
  if (stream) { stream.close(); stream = null; say("Paused while the page is hidden."); }
}

document.addEventListener("visibilitychange", () => { if (document.hidden) disconnect(); else connect(); });

// Times: the server writes its own zone; the title adds the browser's.
function showTimes() {
  const now = Date.now() / 1000;
  for (const time of document.querySelectorAll("time[data-since]")) {
    time.textContent = duration(now - Number(time.dataset.since));
  }
  for (const time of document.querySelectorAll("time[datetime]:not([title])")) {
    time.title = new Date(time.dateTime).toLocaleString();
  }
}

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

setInterval(() => { if (!document.hidden) showTimes(); }, 1000);

// Keys: "/" goes to the search box. Keys in a field are left alone.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (event.key === "/") { event.preventDefault(); document.getElementById("q").focus(); }
});

showTimes();
connect();
