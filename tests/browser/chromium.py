"""A client of a headless Chromium: its debugging protocol, over a pair of pipes.

The messages are JSON, with a zero byte after each. See
U{https://chromedevtools.github.io/devtools-protocol/} for the names of methods and events.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: The most seconds for an answer or an event, on a busy machine.
LIMIT = 120.0
#: What each new window would load besides its page: it takes more of the processor than a page of ours.
_WITHOUT = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "PreloadTopChromeWebUI"),
    "SpareRendererForSitePerProcess",
)
#: JavaScript for the list of first contentful paints: none, or one with its C{startTime} in milliseconds.
PAINTS = "performance.getEntriesByName('first-contentful-paint')"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str | None:
    """The path of Chromium; None if there is none on this machine."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class BrowserError(AssertionError):
    """The browser refuses a command, or does not answer."""


@dataclass(frozen=True)
class Device:
    """What a page is shown on: the size of the window in pixels, and the settings of its user."""

    width: int
    height: int = 800
    scheme: str = "light"
    isScripted: bool = True


@dataclass
class Tab:
    """One page of the browser, with its own cookies and cache.

    @ivar messages: the messages of the console, and the browser's own about the page, one text each.
    @ivar responses: the status of each answer of the server, by URL.
    @ivar weight: the bytes of all answers, as they came over the network.
    @ivar status: the status of the page itself, after all redirections.
    @ivar url: its address.
    """

    browser: Browser
    session: str
    context: str
    messages: list[str] = field(default_factory=list)
    responses: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    weight: int = 0
    status: int = 0
    url: str = ""

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The browser's answer to a command for this page."""
        return self.browser.ask(method, params, self.session)

    def show(self, device: Device) -> None:
        """Show the page on this device from now on."""
        self.resize(device.width, device.height)
        self.ask("Emulation.setScriptExecutionDisabled", value=not device.isScripted)
        self.scheme(device.scheme)

    def resize(self, width: int, height: int = 800) -> None:
        """Make the window of the open page narrower or wider, in pixels."""
        size = {"width": width, "height": height}
        self.ask("Emulation.setDeviceMetricsOverride", deviceScaleFactor=1, mobile=width < 600, **size)

    def scheme(self, name: str) -> None:
        """Prefer "light" or "dark" colours."""
        features = [
            {"name": "prefers-color-scheme", "value": name},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def open(self, url: str) -> int:
        """Load a page, and wait for the end of the load; return the status of the answer."""
        self.messages.clear()
        self.responses.clear()
        self.events.clear()
        self.weight = 0
        said = self.ask("Page.navigate", url=url)
        if said.get("errorText"):
            raise BrowserError(f"{url}: {said['errorText']}")
        self.browser.until(lambda: "Page.loadEventFired" in self.events, f"{url} is loaded")
        return self.status

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; a promise is awaited."""
        said = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, timeout=100000
        )
        if "exceptionDetails" in said:
            details = said["exceptionDetails"]
            raise BrowserError(str(details.get("exception", {}).get("description", details))[:500])
        return said["result"].get("value")

    def until(self, expression: str, what: str) -> Any:
        """Wait until a JavaScript expression is true; return its value. The page may load another one."""
        end = time.monotonic() + LIMIT
        while True:
            try:
                value = self.value(expression)
            except BrowserError as error:
                if "context" not in str(error) and "navigated" not in str(error):
                    raise
                value = None
            if value:
                return value
            if time.monotonic() > end:
                raise BrowserError(f"not within {LIMIT:g} s: {what}; console: {self.messages}")
            time.sleep(0.05)

    def html(self) -> str:
        """The whole document as it is now; it needs no script."""
        root = self.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
        return str(self.ask("DOM.getOuterHTML", nodeId=root)["outerHTML"])

    def sideways(self) -> int:
        """The pixels by which the content is wider than the window."""
        sizes = self.ask("Page.getLayoutMetrics")
        return int(sizes["cssContentSize"]["width"] - sizes["cssLayoutViewport"]["clientWidth"])

    def press(self, key: str, code: str = "", text: str = "", shift: bool = False) -> None:
        """Press and release a key, such as "Tab", or "j" with its text."""
        common = {"key": key, "code": code or key, "modifiers": 8 if shift else 0}
        if key == "Tab":
            common["windowsVirtualKeyCode"] = 9
        self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def picture(self, isWhole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        more: dict[str, Any] = {"captureBeyondViewport": True} if isWhole else {}
        if isWhole:
            size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
            more["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png", **more)["data"])

    def close(self) -> None:
        """Close the page, and forget its cookies. A second call does nothing."""
        if self.browser.forget(self):
            self.browser.ask("Target.disposeBrowserContext", {"browserContextId": self.context})

    def heard(self, method: str, params: dict[str, Any]) -> None:
        """The browser reports an event of this page."""
        self.events.append(method)
        if method == "Runtime.consoleAPICalled":
            self.messages.append(" ".join(str(each.get("value")) for each in params["args"]))
        elif method == "Runtime.exceptionThrown":
            self.messages.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Log.entryAdded":
            entry = params["entry"]
            self.messages.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")
        elif method == "Network.responseReceived":
            response = params["response"]
            self.responses[response["url"]] = response["status"]
            if params["type"] == "Document":
                self.url, self.status = response["url"], response["status"]
        elif method == "Network.loadingFinished":
            self.weight += int(params["encodedDataLength"])


class Browser:
    """I am one process of Chromium."""

    def __init__(self, path: str, directory: str) -> None:
        """@param path: the path of Chromium.
        @param directory: an empty directory for its profile.
        """
        commandsOut, self._commands = os.pipe()
        self._answers, answersIn = os.pipe()
        # The shell gives the pipes the numbers that Chromium expects: 3 to read, 4 to write.
        words = [
            *(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--remote-debugging-pipe", "--no-first-run", "--disable-background-networking"),
            *("--force-color-profile=srgb", "--hide-scrollbars", f"--user-data-dir={directory}"),
            f"--disable-features={','.join(_WITHOUT)}",
            "about:blank",
        ]
        redirect = f'exec "$@" 3<&{commandsOut} 4>&{answersIn}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", redirect, "bash", *words],
            pass_fds=[commandsOut, answersIn],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": directory, "TZ": "UTC"},
        )
        os.close(commandsOut)
        os.close(answersIn)
        self._rest = b""
        self._number = 0
        self._said: dict[int, dict[str, Any]] = {}
        self._tabs: dict[str, Tab] = {}

    def tab(self, beside: Tab | None = None) -> Tab:
        """A new page, without cookies and cache.

        @param beside: a page whose window, cookies and cache the new one shares; that page is hidden then.
        """
        context = (
            beside.context if beside else self.ask("Target.createBrowserContext", {})["browserContextId"]
        )
        target = self.ask("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        attached = self.ask("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        tab = Tab(self, attached["sessionId"], context)
        self._tabs[tab.session] = tab
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            tab.ask(f"{domain}.enable")
        return tab

    def forget(self, tab: Tab) -> bool:
        """Hear no more of a page; True if it was open."""
        return self._tabs.pop(tab.session, None) is not None

    def ask(self, method: str, params: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        """The answer to a command. Raises L{BrowserError} if it is refused or late."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        self.until(lambda: number in self._said, f"an answer to {method}")
        said = self._said.pop(number)
        if "error" in said:
            raise BrowserError(f"{method}: {said['error']}")
        return dict(said["result"])

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Read what the browser says, until a condition holds."""
        end = time.monotonic() + LIMIT
        while not condition():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                raise BrowserError(f"not within {LIMIT:g} s: {what}")
            data = os.read(self._answers, 1 << 20)
            if not data:
                raise BrowserError(f"the browser has ended before: {what}")
            *whole, self._rest = (self._rest + data).split(b"\0")
            for each in whole:
                self._take(json.loads(each))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._said[message["id"]] = message
        elif message.get("sessionId") in self._tabs:
            self._tabs[message["sessionId"]].heard(message["method"], message["params"])

    def stop(self) -> None:
        """End the process."""
        os.close(self._commands)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._answers)
