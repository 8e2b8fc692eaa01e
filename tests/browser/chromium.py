"""A headless Chromium that tests talk to over its debugging pipe: no driver and no web socket is needed."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE_S = 60.0
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip


def find_chromium() -> str | None:
    """Return the browser: `FRINGEFLOW_CHROMIUM`, or the first of the usual names on the path."""
    chosen = os.environ.get("FRINGEFLOW_CHROMIUM")
    return chosen or next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One tab. Everything that it reports is kept in `events`."""

    def __init__(self, commands: int, answers: int):
        self._commands, self._answers, self._left = commands, answers, b""
        self._number, self._session = 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its result."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        data = json.dumps({"id": self._number, "method": method, "params": params, **session}).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        for message in self._messages(method):
            if message.get("id") == self._number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
        raise AssertionError(method)

    def _messages(self, waiting_for: str) -> Iterator[dict[str, Any]]:
        """Read messages until the caller has what it waits for; keep events."""
        end = time.monotonic() + PATIENCE_S
        while True:
            while b"\0" in self._left:
                first, self._left = self._left.split(b"\0", 1)
                message = json.loads(first)
                if "method" in message:
                    self.events.append(message)
                yield message
            ready, _, _ = select.select([self._answers], [], [], max(0.0, end - time.monotonic()))
            data = os.read(self._answers, 1 << 20) if ready else b""
            if not data:
                raise AssertionError(f"Chromium did not answer to {waiting_for} within {PATIENCE_S:.0f} s")
            self._left += data

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file afresh and wait until it has loaded."""
        for url in ("about:blank", path.resolve().as_uri() + fragment):  # to a fragment of the same page nothing would load
            self.events.clear()
            self.call("Page.navigate", url=url)
            if not any(event["method"] == "Page.loadEventFired" for event in self.events):
                next(message for message in self._messages(url) if message.get("method") == "Page.loadEventFired")

    def run(self, expression: str) -> Any:
        """Evaluate JavaScript, wait for it if it is a promise, and return its value."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in found:
            raise AssertionError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press a key as a user does."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            pressed = text if kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **pressed)

    def size(self, width: int, height: int, mobile: bool = False) -> None:
        """Give the window a size, in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the page was opened."""
        return [event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """Return errors and warnings of the console since the page was opened."""
        found = []
        for event in self.events:
            name, params = event["method"], event["params"]
            if name == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"].get("exception", params["exceptionDetails"])))
            elif name == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                found.append(str(params["args"]))
            elif name == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
        return found


@contextmanager
def chromium(browser: str, profile: Path) -> Iterator[Page]:
    """Start a browser with a fresh profile; it ends with the block."""
    pipes = [*os.pipe(), *os.pipe()]
    # The browser reads from 3 and writes to 4: high numbers first, so that neither covers an end that is still needed.
    reads, writes = (fcntl.fcntl(pipes[place], fcntl.F_DUPFD_CLOEXEC, 20) for place in (0, 3))

    def connect() -> None:
        os.dup2(reads, 3)
        os.dup2(writes, 4)

    process = subprocess.Popen(
        [browser, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        preexec_fn=connect,
        pass_fds=(3, 4),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for number in (pipes[0], pipes[3], reads, writes):
        os.close(number)
    try:
        yield Page(pipes[1], pipes[2])
    finally:
        process.kill()
        process.wait()
        os.close(pipes[1])
        os.close(pipes[2])
