"""What pages that stay open with live data do to a browser's memory: heap, nodes and listeners, minute by minute."""

import argparse
import contextlib
import os
import shutil
import time
from types import SimpleNamespace
from typing import Any

import django

from bench.figures import machine
from tests.plant import ADMIN, ADMIN_SETTINGS, Api, as_admin, running
from tests.services import folder

PAGES = {
    "overview": "/",
    "device": "/devices/1/",
    "a day of it": "/devices/1/?range=24h",
    "inbox": "/alerts/",
}
TROUBLE_EVERY = 5.0  # seconds: one alert opens, and the one before it ends
WARM = 2  # minutes until a page has all that it needs
MB = 1024 * 1024


def main(options: argparse.Namespace) -> int:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- a development tool, only this bench needs it

    minutes = 3 if options.quick else options.minutes
    print(machine())
    with contextlib.ExitStack() as stack:
        data = stack.enter_context(folder("bench-page"))
        if options.url:
            plant = SimpleNamespace(url=options.url)
        else:
            plant = stack.enter_context(running(data, FACTORY_DEMO="1", **ADMIN_SETTINGS))
            plant.wait_for(f"ready: {plant.url}", 300)
        os.environ.update(DJANGO_SETTINGS_MODULE="factory.settings", FACTORY_DATA=str(data))
        django.setup()  # answers of the API are compared with what is declared
        stir = _stir(as_admin(plant))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            watched = _open(browser, plant.url)
            rows = []
            print("min  " + "".join(f"{name:>28}" for name in watched))
            print("     " + f"{'heap MB  nodes listeners':>28}" * len(watched))
            for minute in range(minutes + 1):
                end = time.monotonic() + (60 if minute else 5)
                while time.monotonic() < end:
                    stir()
                    _wait(watched, TROUBLE_EVERY)
                rows.append([_measure(session) for _, session in watched.values()])
                print(f"{minute:>3}  " + "".join(f"{_shown(each):>28}" for each in rows[-1]), flush=True)
            browser.close()
    return _verdict(list(watched), rows)


def _stir(admin: Api) -> Any:
    """Something to look at again for: each call opens an alert and ends the one before."""
    devices = [device["id"] for device in admin.data("devices.list", {})]
    open_alerts: list[int] = []

    def stir() -> None:
        device = devices[stir.turn % len(devices)]  # type: ignore[attr-defined]
        stir.turn += 1  # type: ignore[attr-defined]
        trouble = {
            "deviceId": device,
            "type": "maintenance_required",
            "severity": "info",
            "message": "Oil is due",
        }
        open_alerts.append(admin.data("alerts.create", trouble)["id"])
        if len(open_alerts) > 3:
            admin.data("alerts.resolve", {"ids": [open_alerts.pop(0)]})

    stir.turn = 0  # type: ignore[attr-defined]
    return stir


def _open(browser: Any, url: str) -> dict[str, tuple[Any, Any]]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    first = context.new_page()
    first.goto(url)
    first.fill("#id_email", ADMIN["email"])
    first.fill("#id_password", ADMIN["password"])
    first.press("#id_password", "Enter")
    first.wait_for_url(url + "/")
    watched = {}
    for name, path in PAGES.items():
        page = context.new_page()
        page.goto(url + path)
        session = context.new_cdp_session(page)
        session.send("Performance.enable")
        session.send("Emulation.setFocusEmulationEnabled", {"enabled": True})
        assert page.evaluate("document.visibilityState") == "visible"
        watched[name] = (page, session)
    first.close()
    return watched


def _wait(watched: dict[str, tuple[Any, Any]], seconds: float) -> None:
    next(iter(watched.values()))[0].wait_for_timeout(seconds * 1000)


def _measure(session: Any) -> dict[str, float]:
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.collectGarbage")
    return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}


def _shown(found: dict[str, float]) -> str:
    return f"{found['JSHeapUsedSize'] / MB:.2f} {found['Nodes']:>7.0f} {found['JSEventListeners']:>6.0f}"


def _verdict(names: list[str], rows: list[list[dict[str, float]]]) -> int:
    """The mean of the last third beside that of the first, once the pages are warm."""
    warm = rows[min(WARM, len(rows) - 1) :]
    third = max(1, len(warm) // 3)
    print(f"\nthe last {third} minutes beside the first {third} after minute {WARM}:")
    for place, name in enumerate(names):
        words = []
        for key, unit in (("JSHeapUsedSize", MB), ("Nodes", 1), ("JSEventListeners", 1)):
            early, late = (
                sum(row[place][key] for row in part) / third / unit for part in (warm[:third], warm[-third:])
            )
            words.append(f"{key} {early:,.2f} -> {late:,.2f}")
        print(f"  {name:<12} " + "   ".join(words))
    return 0
