"""Firefox without a driver: it speaks WebDriver BiDi itself, over a socket on loopback alone."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PREFERENCES = {
    # No host can be reached: every request would go to a port on which nothing listens.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.dns.disabled": True,
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "ArrowRight": "\ue014", "ArrowDown": "\ue015", "Shift": "\ue008"}
KEYS |= {"Control": "\ue009"}
"""Keys by name, as the protocol has them."""


class Page:
    """One tab: opened on a file, evaluated in, typed into."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.errors: list[str] = []
        self._ask("session.new", capabilities={})
        self._ask("session.subscribe", events=["log.entryAdded"])
        self._tab = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv())
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.errors.append(said["params"]["text"])
            if said.get("id") == number:
                if said["type"] == "error":
                    raise RuntimeError(f"{method}: {said['message']}")
                return said["result"]

    def goto(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self._ask("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, which may be a promise, as JSON has it."""
        whole = f"Promise.resolve({script}).then((value) => JSON.stringify(value))"
        target = {"context": self._tab}
        found = self._ask("script.evaluate", expression=whole, target=target, awaitPromise=True)
        if found["type"] == "exception":
            raise RuntimeError(found["exceptionDetails"]["text"])
        return json.loads(found["result"].get("value", "null"))

    def press(self, *keys: str) -> None:
        """Press and let go keys one after the other, each by its name or as a letter."""
        pressed = [
            {"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")
        ]
        self._act(pressed)

    def chord(self, first: str, second: str) -> None:
        """Press a key while another is held."""
        order = (("keyDown", first), ("keyDown", second), ("keyUp", second), ("keyUp", first))
        self._act([{"type": kind, "value": KEYS.get(key, key)} for kind, key in order])

    def _act(self, actions: list[dict[str, str]]) -> None:
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        self._ask("input.performActions", context=self._tab, actions=[keyboard])


@contextmanager
def firefox(path: str) -> Iterator[Page]:
    """A headless Firefox with an empty profile and no network, and its one tab."""
    import websocket

    with tempfile.TemporaryDirectory() as profile, open(f"{profile}/log", "w+", encoding="utf-8") as log:
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()
        ]
        (Path(profile) / "user.js").write_text("\n".join(lines), encoding="utf-8")
        command = [path, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", profile]
        started = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            address = _listens(Path(profile) / "log", started)
            # Firefox refuses whoever says that it comes from a page.
            socket = websocket.create_connection(f"{address}/session", timeout=60, suppress_origin=True)
            yield Page(socket)
            socket.close()
        finally:
            started.terminate()
            started.wait()


def _listens(log: Path, started: subprocess.Popen) -> str:
    """The address that Firefox says it listens on; RuntimeError after a minute or where it has ended."""
    for _ in range(600):
        found = re.search(r"listening on (ws://[\d.]+:\d+)", log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        if started.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"Firefox does not listen: {log.read_text(encoding='utf-8')[-500:]}")
