"""The whole server as a child process, and Chromium to look at it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from tests.plant import ADMIN, ADMIN_SETTINGS, Api, Plant, as_admin, running
from tests.services import folder

_numbers = count(1)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def plant() -> Iterator[Plant]:
    with folder("e2e") as data, running(data, PLANT_TIME_ZONE="Europe/Berlin", **ADMIN_SETTINGS) as plant:
        yield plant.wait_ready()


@pytest.fixture(scope="session")
def admin(plant) -> Api:
    return as_admin(plant)


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
    visit.page.fill("#id_email", ADMIN["email"])
    visit.page.fill("#id_password", ADMIN["password"])
    visit.page.click("button:has-text('Sign in')")
    visit.page.wait_for_url(visit.url + "/")
    return visit


@pytest.fixture
def press(plant, admin):
    """A device with a limit and a first reading: (id, send(**values))."""
    name = f"press-{next(_numbers)}"
    device = admin.data(
        "devices.create",
        {
            "deviceId": name,
            "name": name.replace("p", "P").replace("-", " "),
            "type": "controller",
            "zone": "Hall B",
        },
    )
    device_id, own = device["id"], Api(plant, device["token"])
    admin.data(
        "thresholds.create",
        {"deviceId": device_id, "metric": "temperature", "warningMax": 80, "maxValue": 90},
    )

    def send(**values: float) -> None:
        assert own.data("readings.create", {"data": values})["accepted"] == 1

    send(temperature=71.3, power=11_500)
    yield device_id, send
    send(temperature=71.3)  # and whatever it raised is over
