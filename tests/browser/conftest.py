"""A sandbox that runs for the whole of this room, and a fresh Chromium for each test."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.request import Request, urlopen

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.browser.page import Page

ROOT = Path(__file__).parents[2]
START_SECONDS, STOP_SECONDS = 90, 30
_URL = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d+\S*")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run `accessbot sandbox` and give the address it prints; `SANDBOX_URL` names one that runs already."""
    running = os.environ.get("SANDBOX_URL")
    if running:
        yield running
        return
    command = [str(Path(sys.executable).with_name("accessbot")), "sandbox", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    output = tmp_path_factory.mktemp("sandbox") / "output.txt"
    try:
        yield _printed_address(process, output)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            if process.stdout is not None:
                process.stdout.close()


def _printed_address(process: "subprocess.Popen[str]", output: Path) -> str:
    """Read the process's output into a file for as long as it runs; return the first address in it."""
    lines: Queue[str] = Queue()

    def read() -> None:
        with output.open("w") as file:
            for line in process.stdout or ():
                file.write(line)
                file.flush()
                lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=START_SECONDS)
        except Empty:
            pytest.fail(f"the sandbox printed no address within {START_SECONDS} s:\n{output.read_text()}")
        if not line:
            pytest.fail(f"the sandbox ended before it printed an address:\n{output.read_text()}")
        found = _URL.search(line)
        if found:
            return found.group()


@pytest.fixture(scope="session")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder for pictures: `SANDBOX_SCREENS`, else a temporary one."""
    wanted = os.environ.get("SANDBOX_SCREENS")
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("screens")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Give a Chromium with an empty profile; a test in which the page logged an error fails."""
    options = webdriver.ChromeOptions()
    options.binary_location = _program("chromium")
    for flag in (*_FLAGS, "--window-size=1440,900", f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(_program("chromedriver")))
    try:
        resize(browser, 1440, 900)
        yield browser
        logged = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium leaves it without types
        severe = [entry["message"] for entry in logged if entry["level"] == "SEVERE"]
        complaints = [message for message in severe if "/sandbox/" not in message]  # refusals the page shows itself
        assert complaints == []
    finally:
        browser.quit()


@pytest.fixture
def page(driver: webdriver.Chrome, sandbox_url: str, screens: Path) -> Page:
    """Give the sandbox's page, loaded, with no form open for anybody and the guide at its first step."""
    tidy(sandbox_url.rstrip("/"))
    page = Page(driver, sandbox_url, screens)
    page.open()
    return page


def tidy(root: str) -> None:
    """Close what an earlier test may have left open, and start the guide over."""
    _json(f"{root}/sandbox/guide", {"step": 0})
    for person in _json(f"{root}/sandbox/state")["people"]:
        for view in _json(f"{root}/sandbox/state?as={person['id']}")["views"]:
            _json(f"{root}/sandbox/close", {"as": person["id"], "view_id": view["id"]})


def _json(url: str, body: dict[str, str | int] | None = None) -> Any:  # noqa: ANN401 - whatever the sandbox answers
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers={"Content-Type": "application/json"})  # noqa: S310 - loopback http
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        return json.load(answer)


def resize(browser: webdriver.Chrome, width: int, height: int, scheme: str = "light") -> None:
    """Give the page this much room, and the colour scheme a person prefers."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is not installed: apt-get install chromium chromium-driver")
    return path
