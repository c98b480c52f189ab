"""A headless Chromium, driven by its DevTools protocol: a page as a user sees and uses it.

This module knows the browser. It does not know what is looked at.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "PageUp": (33, ""),
    "PageDown": (34, ""),
    "End": (35, ""),
    "Home": (36, ""),
    "ArrowUp": (38, ""),
    "ArrowDown": (40, ""),
}
"""Their codes, and what they write."""

PATIENCE = 10.0
"""Seconds to wait for something to be seen."""

_ADDRESS = re.compile(r"DevTools listening on (ws://\S+)")

_TEXT = "((found) => found.innerText ?? found.textContent)(document.querySelector(%s))"
"""As it is seen; parts of a drawing only have `textContent`."""

_LOOK_UNTIL = """new Promise((seen) => {
  const look = () => {
    let found;
    try { found = (%s); } catch { found = null; }
    if (found) seen(found); else setTimeout(look, 15);
  };
  look();
})"""


def chromium() -> str | None:
    """Find a Chromium; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched(profile: Path) -> Generator[str, None, None]:
    """Run a browser, and give the address at which it is told what to do."""
    program = chromium()
    assert program is not None
    options = [
        "--headless=new",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "--no-first-run",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]
    process = subprocess.Popen(
        [program, *options, "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := _ADDRESS.search(line):
                yield found[1]
                break
        else:
            message = f"{program} ended before it listened"
            raise RuntimeError(message)
    finally:
        process.terminate()
        process.communicate()


_PLACE = """(() => {
  const all = [...document.querySelectorAll(%s)];
  const found = all.find((each) => each.checkVisibility() && each.textContent.includes(%s));
  found.scrollIntoView({ block: "center" });
  const { x, y, width, height } = found.getBoundingClientRect();
  const middle = [x + width / 2, y + height / 2];
  return found.contains(document.elementFromPoint(...middle)) && middle;
})()"""
"""Where an element is, if nothing lies over it."""


class Tab:
    """A page in a browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self.requests: list[str] = []
        """The addresses of all that it asked for, sockets among them."""
        self.complaints: list[str] = []
        """Errors on its console, and what the browser refused it."""
        self._connection = connection
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session: str | None = None

    async def call(self, method: str, **given: object) -> dict[str, Any]:
        """Ask the browser for something, and give its answer."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        asked = {"id": number, "method": method, "params": given}
        if self._session is not None:
            asked["sessionId"] = self._session
        await self._connection.send(json.dumps(asked))
        told = await answer
        assert "error" not in told, (method, told["error"])
        result: dict[str, Any] = told["result"]
        return result

    async def open(self, url: str) -> None:
        """Go to an address."""
        await self.call("Page.navigate", url=url)

    async def run(self, expression: str) -> Any:
        """Evaluate JavaScript in the page, and wait for a promise."""
        told = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until an expression holds, and give its value."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.run(_LOOK_UNTIL % expression)
        except TimeoutError:
            shown = await self.run("document.body.innerText")
            message = f"not seen: {expression}; the page says:\n{shown}\n{self.complaints}"
            raise AssertionError(message) from None

    async def text(self, selector: str) -> str:
        """Wait for an element, and give its text."""
        return str(await self.until(_TEXT % json.dumps(selector)))

    async def says(self, selector: str, text: str) -> None:
        """Wait until an element has a text in it."""
        await self.until(f"{_TEXT % json.dumps(selector)}.includes({json.dumps(text)})")

    async def click(self, selector: str, text: str = "") -> None:
        """Press the first element that can be seen, with a text in it, by mouse."""
        x, y = await self.until(_PLACE % (json.dumps(selector), json.dumps(text)))
        for act in ("mousePressed", "mouseReleased"):
            pressed = {"x": x, "y": y, "button": "left", "clickCount": 1}
            await self.call("Input.dispatchMouseEvent", type=act, **pressed)

    async def write(self, selector: str, text: str) -> None:
        """Write into a field, in place of what was there."""
        await self.until(
            f"""(() => {{
              const field = document.querySelector({json.dumps(selector)});
              field.focus();
              field.select();
              return document.activeElement === field;
            }})()"""
        )
        await self.call("Input.insertText", text=text)

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            code, text = KEYS[key]
            known = {"key": key, "code": key, "windowsVirtualKeyCode": code}
            await self.call("Input.dispatchKeyEvent", type="keyDown", **known, text=text)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **known)

    async def size(self, width: int, height: int) -> None:
        """Give the window another size."""
        device = {"deviceScaleFactor": 1, "mobile": width < 600}
        method = "Emulation.setDeviceMetricsOverride"
        await self.call(method, width=width, height=height, **device)

    async def begin(self) -> None:
        """Open the tab, with nothing remembered of any other."""
        context = await self.call("Target.createBrowserContext", disposeOnDetach=True)
        made = await self.call("Target.createTarget", url="about:blank", **context)
        told = await self.call("Target.attachToTarget", targetId=made["targetId"], flatten=True)
        self._session = told["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")

    async def listen(self) -> None:
        """Take what the browser says, until the connection ends."""
        try:
            async for message in self._connection:
                told: dict[str, Any] = json.loads(message)
                if "id" in told:
                    waiting = self._waiting.pop(told["id"])
                    if not waiting.done():
                        waiting.set_result(told)
                else:
                    self._hear(told["method"], told["params"])
        except ConnectionClosed:
            pass

    def _hear(self, event: str, told: dict[str, Any]) -> None:
        match event:
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(told["url"])
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning"):
                self.complaints.append(str(told["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"]))
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            case _:
                pass


@asynccontextmanager
async def tab_of(address: str) -> AsyncGenerator[Tab, None]:
    """Open a tab in a browser."""
    async with connect(address, max_size=None) as connection, asyncio.TaskGroup() as group:
        tab = Tab(connection)
        listening = group.create_task(tab.listen())
        try:
            await tab.begin()
            yield tab
        finally:
            await connection.close()
            await listening
