"""The whole server as a child process, and Chromium to look at it."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from tests.e2e.looking import expect, findings
from tests.plant import ADMIN_SETTINGS, Api, Plant, as_admin, running
from tests.services import folder

_numbers = count(1)
MINUTE = 60_000
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
        plant.wait_for(f"ready: {plant.url}", seconds=180)  # beside other work it takes its time
        yield plant


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


SCREENS = {"desk": (1280, 800), "tablet": (820, 1180), "phone": (390, 844)}
FINGER = 44  # pixels of a target that a glove finds
IN_TEXT = 24  # of a link that stands in a list or a sentence


@dataclass
class Visit:
    """A page with what it complained of and whom it asked."""

    page: Any
    url: str
    has_touch: bool = False
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def is_clean(self) -> bool:
        assert self.complaints == []
        assert self.strangers == []
        return True

    def tap(self, target: Any, *, least: int = FINGER) -> None:
        """With a finger where there is a touch screen, on what is large enough for it."""
        expect(target).to_be_visible()
        width, height = target.evaluate(EXTENT)
        if not width:  # the page has just put another in its place
            expect(target).to_be_visible()
            width, height = target.evaluate(EXTENT)
        assert min(width, height) >= least, f"{target} is {width:.0f} x {height:.0f} px, wanted {least}"
        if self.has_touch:
            target.tap()
        else:
            target.click()

    def passes(self) -> None:
        """The page that is open can be used by everybody: it fits, and axe finds nothing that matters."""
        page = self.page
        page.evaluate("scrollTo(0, 0)")  # what lies half under the sticky head is no small target
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is too wide"
        assert findings(page) == [], page.url


# A box that is ticked is as large as the label around it or for it.
EXTENT = """element => {
    const ticked = element.matches("[type=checkbox], [type=radio]") && element.labels.length;
    const all = ticked ? [element, ...element.labels] : [element];
    const boxes = all.map(one => one.getBoundingClientRect());
    return [Math.max(...boxes.map(box => box.width)), Math.max(...boxes.map(box => box.height))];
}"""


@contextmanager
def new_visit(plant, browser, size: tuple[int, int]) -> Iterator[Visit]:
    """A fresh browser profile, not signed in; what is narrower than a desk is touched."""
    width, height = size
    touch = width < 1000
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch
    )
    context.set_default_timeout(15_000)
    visit = Visit(context.new_page(), plant.url, touch)

    def look_at(request) -> None:
        if not request.url.startswith((plant.url, plant.url.replace("http", "ws"), "data:", "blob:")):
            visit.strangers.append(request.url)

    visit.page.on("request", look_at)
    visit.page.on("console", lambda m: visit.complaints.append(m.text) if m.type == "error" else None)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    try:
        yield visit
    finally:
        context.close()


def sign_in(visit: Visit, plant: Plant) -> Visit:
    """Without the form, which has tests of its own; each visit has its own session."""
    token = as_admin(plant).headers["authorization"].removeprefix("Bearer ")
    visit.page.context.add_cookies([{"name": "app_session_id", "value": token, "url": plant.url}])
    return visit


@pytest.fixture
def visit(plant, browser) -> Iterator[Visit]:
    """At a desk, not signed in."""
    with new_visit(plant, browser, SCREENS["desk"]) as visit:
        yield visit


@pytest.fixture
def signed_in(visit, plant) -> Visit:
    sign_in(visit, plant).open("/")
    return visit


@pytest.fixture(params=SCREENS)
def passer_by(request, plant, browser) -> Iterator[Visit]:
    """At a desk, a tablet, a phone in turn; not signed in."""
    with new_visit(plant, browser, SCREENS[request.param]) as visit:
        yield visit


@pytest.fixture
def walker(passer_by, plant) -> Visit:
    """At a desk, a tablet, a phone in turn; signed in."""
    return sign_in(passer_by, plant)


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


@dataclass(frozen=True)
class Team:
    """Devices in a zone of their own, each with its way to speak."""

    zone: str
    devices: dict[int, Api]


@pytest.fixture
def team(plant, admin) -> Iterator[Team]:
    """Two gateways."""
    zone = f"Team {next(_numbers)}"
    made = [
        admin.data(
            "devices.create",
            {
                "deviceId": f"{zone.replace(' ', '-')}-{letter}",
                "name": f"{zone} {letter}",
                "type": "gateway",
                "zone": zone,
                "firmwareVersion": "1.0.0",
            },
        )
        for letter in "ab"
    ]
    yield Team(zone, {device["id"]: Api(plant, device["token"]) for device in made})
    for device in made:
        admin.data("devices.delete", {"id": device["id"]})


@pytest.fixture
def grinder(plant, admin) -> Iterator[tuple[int, str]]:
    """A machine that ran for two hours but for ten minutes in the middle: (id, name)."""
    number = next(_numbers)
    name = f"Schleifmaschine Süd {number}"
    device = admin.data(
        "devices.create",
        {"deviceId": f"grinder-{number}", "name": name, "type": "controller", "zone": "Hall D"},
    )
    about = {"deviceId": device["id"], "idealCycleSeconds": 6, "totalMetric": "parts"}
    admin.data("analytics.setMachineProfile", {**about, "running": {"metric": "running", "above": 0}})
    admin.data("analytics.setStopCode", {"code": f"jam-{number}", "label": f"Jam {number}", "planned": False})
    now = int(time.time() * 1000)
    readings = [
        {
            "timestamp": now - minute * MINUTE,
            "data": {
                "running": float(not 55 < minute <= 65),
                "parts": 10.0 * (120 - minute),
                "power": 8000.0,
            },
        }
        for minute in range(120, -1, -1)
    ]
    assert Api(plant, device["token"]).data("readings.create", {"readings": readings})["rejected"] == []
    yield device["id"], name
    admin.data("devices.delete", {"id": device["id"]})
