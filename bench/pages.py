"""Pages on a plant of a thousand devices: what they weigh, how long the server thinks, when something is to be seen."""

import contextlib
import os
import shutil
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import django
import httpx
from playwright.sync_api import sync_playwright

from bench.figures import machine
from tests.e2e.conftest import QUIET
from tests.pictures.plants import Furnisher, as_cookie, plant_of, remember, remembered
from tests.plant import Plant

PAGES = {
    "sign in": "/sign-in?next=/",
    "overview": "/",
    "alerts": "/alerts/",
    "alert": "/alerts/{alert_id}/",
    "alert history": "/alerts/history/",
    "alert figures": "/alerts/figures/",
    "devices": "/devices/",
    "device": "/devices/{device_id}/",
    "groups": "/groups/",
    "group": "/groups/{group_id}/",
    "batch": "/batches/{batch_id}/",
    "firmware": "/firmware/",
    "rollout": "/firmware/rollouts/{rollout_id}/",
    "performance": "/performance/",
    "energy": "/energy/",
    "OEE": "/oee/",
    "machines": "/oee/machines/",
    "reports": "/reports/",
    "admin": "/admin/",
    "admin: devices": "/admin/devices/device/",
    "admin: alerts": "/admin/alerts/alert/",
    "admin: thresholds": "/admin/alerts/threshold/",
}
MOST_KB, MOST_SERVER_MS, MOST_PAINT_MS = 300, 150, 1000


@dataclass
class Weighed:
    """One page: what came over the wire with an empty cache, and how long things took, run by run."""

    name: str
    kilobytes: float = 0.0
    requests: int = 0
    document: float = 0.0  # kB of it
    largest: list[tuple[float, str]] = field(default_factory=list)
    server_ms: list[float] = field(default_factory=list)
    cpu_ms: float = 0.0  # of all of the plant's processes, per request
    paint_ms: list[float] = field(default_factory=list)
    contentful_ms: list[float] = field(default_factory=list)

    def line(self) -> str:
        server = f"{median(self.server_ms):>7,.0f} ({min(self.server_ms):,.0f}-{max(self.server_ms):,.0f})"
        paint = f"{median(self.paint_ms):>7,.0f} ({min(self.paint_ms):,.0f}-{max(self.paint_ms):,.0f})"
        over = [
            word
            for word, is_over in (
                ("weight", self.kilobytes >= MOST_KB),
                ("server", median(self.server_ms) >= MOST_SERVER_MS),
                ("paint", median(self.contentful_ms) >= MOST_PAINT_MS),
            )
            if is_over
        ]
        return (
            f"{self.name:<18}{self.kilobytes:>8,.0f}{self.document:>8,.0f}{self.requests:>6}"
            f"{server:>22}{self.cpu_ms:>8,.0f}{paint:>24}{median(self.contentful_ms):>8,.0f}  {', '.join(over)}"
        ).rstrip()


HEADING = (
    f"{'':<18}{'kB':>8}{'page kB':>8}{'asked':>6}{'server ms':>22}{'CPU ms':>8}"
    f"{'first paint ms':>24}{'FCP ms':>8}"
)


def main(options: Namespace) -> int:
    quick = bool(options.quick)
    tell(machine())
    with contextlib.ExitStack() as ends:
        data = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="factory-bench-pages-")))
        os.environ["FACTORY_DATA"] = str(
            data / "own"
        )  # this process only knows the contract, it asks no database
        os.environ["DJANGO_SETTINGS_MODULE"] = "factory.settings"
        django.setup()
        if options.data:
            data = Path(options.data).resolve()
        tell(
            "making a plant of 1,000 devices with a day behind it"
            if not (data / "factory.sqlite3").exists()
            else ""
        )
        plant = ends.enter_context(plant_of("thousand", data))
        examples = remembered(data) or Furnisher(plant, tell).furnish()
        remember(data, examples)
        cookie = as_cookie(plant)
        browser = ends.enter_context(_chromium())
        weighed = []
        for name, path in PAGES.items():
            try:
                address = plant.url + path.format(**examples)
            except KeyError as missing:
                tell(f"{name}: no example of {missing}")
                continue
            one = Weighed(name)
            _ask(one, plant, address, cookie, times=3 if quick else 7)
            for number in range(2 if quick else 5):
                _look(one, browser, address, cookie, is_first=number == 0)
            weighed.append(one)
            tell(one.line() if len(weighed) > 1 else f"{HEADING}\n{one.line()}")
    tell("")
    for one in weighed:
        if one.kilobytes >= MOST_KB:
            tell(f"{one.name}: " + ", ".join(f"{words} {size:,.0f}" for size, words in one.largest))
    return 0


def tell(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _chromium() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


def _ask(one: Weighed, plant: Plant, address: str, cookie: dict[str, Any], *, times: int) -> None:
    """The document alone, over a connection that is open; the first answer warms what a process keeps."""
    with httpx.Client(cookies={cookie["name"]: cookie["value"]}, timeout=60, trust_env=False) as client:
        client.get(address).raise_for_status()
        before = _cpu(plant)
        for _ in range(times):
            began = time.perf_counter()
            client.get(address)
            one.server_ms.append((time.perf_counter() - began) * 1000)
        one.cpu_ms = (_cpu(plant) - before) * 1000 / times


def _cpu(plant: Plant) -> float:
    """Seconds of processor time of the process that serves pages."""
    fields = Path(f"/proc/{plant.pid_of('manage.py serve')}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _look(one: Weighed, browser: Any, address: str, cookie: dict[str, Any], *, is_first: bool) -> None:
    """With an empty cache, as somebody who comes for the first time."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([cookie])
    page = context.new_page()
    sizes: dict[str, tuple[str, float]] = {}
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.on(
        "Network.responseReceived",
        lambda told: sizes.setdefault(told["requestId"], (told["response"]["url"], 0.0)),
    )

    def count(told: dict[str, Any]) -> None:
        url, _ = sizes.get(told["requestId"], ("", 0.0))
        if not url.startswith("data:"):
            sizes[told["requestId"]] = (url, told["encodedDataLength"] / 1000)

    session.on("Network.loadingFinished", count)
    page.goto(address, wait_until="networkidle")
    page.evaluate("document.fonts.ready.then(() => null)")
    paints = dict(
        page.evaluate("performance.getEntriesByType('paint').map(entry => [entry.name, entry.startTime])")
    )
    if "first-paint" in paints:
        one.paint_ms.append(paints["first-paint"])
        one.contentful_ms.append(paints["first-contentful-paint"])
    if is_first:
        asked = [(size, url) for url, size in sizes.values() if url and not url.startswith("data:")]
        one.requests = len(asked)
        one.kilobytes = sum(size for size, _ in asked)
        one.document = next((size for size, url in asked if url == address), 0.0)
        one.largest = sorted(((size, url.rsplit("/", 1)[1] or url) for size, url in asked), reverse=True)[:6]
    context.close()
