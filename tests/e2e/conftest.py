"""The whole server as a child process, and Chromium to look at it."""

import json
import os
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from factory import processes
from tests.services import folder, wait_until

ROOT = Path(__file__).resolve().parents[2]
EMAIL, PASSWORD = "admin@example.com", "seven wooden ladders"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Plant:
    """A running server, spoken to as an admin or as a device."""

    url: str
    token: str = ""

    def call(self, procedure: str, input: Any, *, bearer: str = "") -> Any:
        request = urllib.request.Request(
            f"{self.url}/api/trpc/{procedure}",
            data=json.dumps(input).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {bearer or self.token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["result"]["data"]

    def sign_in(self) -> str:
        request = urllib.request.Request(
            f"{self.url}/api/auth/login",
            data=json.dumps({"email": EMAIL, "password": PASSWORD}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["token"]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def add_device(self, **properties: Any) -> tuple[int, str]:
        """(id, token) of a new device."""
        device = self.call("devices.create", {"type": "controller", **properties})
        return device["id"], device["token"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def plant() -> Iterator[Plant]:
    port = free_port()
    with folder("e2e") as data:
        env = {
            **{
                k: v
                for k, v in os.environ.items()
                if k not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
            },
            "FACTORY_DATA": str(data),
            "FACTORY_DEMO": "0",
            "PORT": str(port),
            "FACTORY_ADMIN_EMAIL": EMAIL,
            "FACTORY_ADMIN_PASSWORD": PASSWORD,
            "PLANT_TIME_ZONE": "Europe/Berlin",
        }
        with (data / "log").open("wb") as log:
            server = processes.start(
                [sys.executable, ROOT / "manage.py", "up"], env=env, cwd=ROOT, output=log
            )
        plant = Plant(f"http://127.0.0.1:{port}")
        try:
            wait_until(
                lambda: plant.is_ready() or server.poll() is not None, what="the server's start", seconds=60
            )
            assert server.poll() is None, (data / "log").read_text()
            plant.token = plant.sign_in()
            yield plant
        finally:
            processes.stop(server, patience=12)


@pytest.fixture(scope="session")
def browser():
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page with what it complained of and whom it asked."""

    page: Any
    url: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def is_clean(self) -> bool:
        assert self.complaints == []
        assert self.strangers == []
        return True


@pytest.fixture
def visit(plant, browser) -> Iterator[Visit]:
    """A fresh browser profile at a desk, not signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(8000)
    visit = Visit(context.new_page(), plant.url)

    def look_at(request) -> None:
        if not request.url.startswith((plant.url, plant.url.replace("http", "ws"), "data:", "blob:")):
            visit.strangers.append(request.url)

    visit.page.on("request", look_at)
    visit.page.on("console", lambda m: visit.complaints.append(m.text) if m.type == "error" else None)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    yield visit
    context.close()


@pytest.fixture
def signed_in(visit) -> Visit:
    visit.open("/")
    visit.page.fill("#id_email", EMAIL)
    visit.page.fill("#id_password", PASSWORD)
    visit.page.click("button:has-text('Sign in')")
    visit.page.wait_for_url(visit.url + "/")
    return visit
