"""Roll out firmware, in a real browser against the whole server: from the upload to the last wave."""

from itertools import count
from pathlib import Path

import pytest

from tests.e2e.looking import findings, wait_for_line
from tests.plant import Api

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
_numbers = count(1)


@pytest.fixture
def crew(plant, admin):
    """Three gateways in a zone of their own, each with its way to speak: (zone, [(id, Api)])."""
    zone = f"Fleet {next(_numbers)}"
    made = [
        admin.data(
            "devices.create",
            {
                "deviceId": f"{zone.replace(' ', '-')}-{n}",
                "name": f"{zone} {n}",
                "type": "gateway",
                "zone": zone,
                "firmwareVersion": "1.0.0",
            },
        )
        for n in range(3)
    ]
    yield zone, {device["id"]: Api(plant, device["token"]) for device in made}
    for device in made:
        admin.data("devices.delete", {"id": device["id"]})


def finish(admin, devices: dict[int, Api], rollout: int, status: str) -> int:
    """All that are on their way end their update; how many those were."""
    places = admin.data("ota.rolloutDevices", {"id": rollout, "status": "deploying"})
    for place in places:
        device = devices[place["deviceId"]]
        for step in ("downloading", status):
            word = {"id": place["deploymentId"], "status": step, "errorMessage": "flash is full"}
            device.data("ota.updateStatus", word if step == "failed" else {**word, "errorMessage": None})
    return len(places)


def test_roll_out_firmware(signed_in, crew, admin, tmp_path):
    zone, devices = crew
    page = signed_in.page
    file = Path(tmp_path / "gateway.bin")
    file.write_bytes(b"software for " + zone.encode())

    signed_in.open("/")
    page.get_by_role("link", name="Firmware", exact=True).click()
    page.get_by_role("link", name="Upload a version").first.click()
    page.set_input_files("#id_file", file)
    page.locator("#id_version").fill("7.1.0")
    page.locator("#id_device_type").select_option("gateway")
    page.locator("#id_release_notes").fill("Fixes **leaks**")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".release-notes strong")).to_have_text("leaks")
    assert findings(page) == []

    page.get_by_role("link", name="Roll it out").click()
    page.locator("#id_filter").fill(f"zone = '{zone}'")
    assert findings(page) == []
    page.get_by_role("button", name="Next").click()
    page.locator("#id_waves").fill("34, 100")
    page.locator("#id_failure_threshold").fill("60")
    page.locator("#id_success_threshold").fill("0")
    page.locator("#id_health_minutes").fill("0")
    assert findings(page) == []
    page.get_by_role("button", name="Look who is in which wave").click()
    expect(page.locator("h1")).to_have_text("7.1.0 for 3 devices")
    assert findings(page) == []
    page.get_by_role("button", name="Keep this plan").click()
    expect(page.locator("h1")).to_contain_text("not started")
    page.get_by_role("button", name="Start: 3 devices in 2 waves").click()

    wait_for_line(page)
    expect(page.locator("[data-count=deploying]")).to_have_text("2", timeout=20_000)
    rollout = int(page.url.rstrip("/").rsplit("/", 1)[1])
    page.evaluate("window.untouched = true")
    assert finish(admin, devices, rollout, "completed") == 2
    expect(page.locator("h1")).to_contain_text("wave 2 of 2", timeout=20_000)
    expect(page.locator("[data-count=deploying]")).to_have_text("1", timeout=20_000)
    assert finish(admin, devices, rollout, "failed") == 1
    expect(page.locator("h1")).to_contain_text("paused. Wave 2: 1 of 1 device", timeout=20_000)
    expect(page.locator("#items tbody tr").first).to_contain_text("flash is full")
    assert page.evaluate("window.untouched"), "the page was loaded anew on the way"
    assert findings(page) == []

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Try the 1 failed again").click()
    expect(page.locator(".notes")).to_contain_text("tried again")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("[data-count=deploying]")).to_have_text("1", timeout=20_000)
    assert finish(admin, devices, rollout, "completed") == 1
    expect(page.locator("h1")).to_contain_text("over, 3 of 3 updated", timeout=20_000)

    for width in (390, 820, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        device_id = next(iter(devices))
        for path in (
            "/firmware/",
            "/firmware/new",
            "/firmware/rollouts/",
            "/firmware/rollouts/new",
            f"/firmware/rollouts/{rollout}/",
            f"/devices/{device_id}/?tab=firmware",
        ):
            signed_in.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert findings(page) == [], path
    assert signed_in.is_clean()
