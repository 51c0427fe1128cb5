"""The report as a reader sees it: laid out and drawn by a real browser, at the width of a desk and of a telephone."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.report.conftest import make_run
from tests.report.test_report import write

pytestmark = pytest.mark.integration

SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--remote-debugging-port=0",
]


class Browser:
    """One page of a running browser, spoken to by its debugging protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (said := self._receive()).get("id") != number:
            pass
        assert "error" not in said, said
        return said["result"]

    def open(self, page: Path, width: int) -> None:
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._receive()

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def _receive(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self._socket.recv(timeout=30))
        if "method" in said:
            self.events.append(said)
        return said


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.fail("these tests need Chromium on PATH, for example: apt-get install chromium", pytrace=False)
    profile = tmp_path_factory.mktemp("chromium")
    with (profile / "log").open("w") as log:
        command = [program, *SWITCHES, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            with connect(page_address(profile, process), max_size=None) as socket:
                yield Browser(socket)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


def page_address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the browser's first page listens, as soon as it does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        where = profile / "DevToolsActivePort"
        if where.exists() and (lines := where.read_text().splitlines())[1:]:
            address = f"ws://127.0.0.1:{lines[0]}"
            with connect(address + lines[1]) as socket:
                socket.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
                targets = json.loads(socket.recv(timeout=30))["result"]["targetInfos"]
            page = next((target["targetId"] for target in targets if target["type"] == "page"), None)
            if page:
                return f"{address}/devtools/page/{page}"
        time.sleep(0.1)
    pytest.fail("Chromium did not start:\n" + (profile / "log").read_text(), pytrace=False)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write(folder, make_run(["north", "south"]))
    return folder / "report.html"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_drawn_without_a_complaint_and_fits_the_window(browser: Browser, report: Path, width: int) -> None:
    browser.open(report, width)

    shown = browser.ask("document.body.innerText")
    assert "Better than the seasonal naive on 2 of 2 series" in shown.replace("\N{NO-BREAK SPACE}", " ")
    assert "Accuracy on the test windows" in shown
    assert browser.ask("document.documentElement.scrollWidth <= window.innerWidth")
    complaints = [event for event in browser.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert complaints == []


def test_every_figure_has_curves_and_readable_text(browser: Browser, report: Path) -> None:
    browser.open(report, 1280)

    figures = browser.ask(
        """Array.from(document.querySelectorAll("svg"), svg => ({
            width: svg.getBoundingClientRect().width,
            curves: Array.from(svg.querySelectorAll("path")).filter(path => path.getTotalLength() > 20).length,
            smallest: Math.min(...Array.from(svg.querySelectorAll("text"), t => t.getBoundingClientRect().height)),
        }))"""
    )

    assert len(figures) == 5
    assert all(figure["width"] > 250 and figure["curves"] > 0 and figure["smallest"] > 8 for figure in figures), figures


def test_the_numbers_of_a_forecast_appear_when_they_are_asked_for(browser: Browser, report: Path) -> None:
    browser.open(report, 1280)

    assert "2024-03-02" not in browser.ask("document.querySelector('details').innerText")
    browser.ask("document.querySelector('details > summary').click()")
    opened = browser.ask("document.querySelector('details').innerText")

    assert "95 % from" in opened
    assert "2024-03-02" in opened


def test_the_browser_asks_for_nothing_but_the_page(browser: Browser, report: Path) -> None:
    browser.open(report, 1280)

    asked = [
        event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert asked == [report.as_uri()]
