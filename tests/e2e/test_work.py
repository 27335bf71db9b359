"""What runs in the background, in a real browser: an import and a batch, cancelled where all of it stands."""

import json
import re
import time

import pytest

from tests.devices.importing import file_of
from tests.e2e.looking import findings
from tests.plant import Api

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect


def cancel_at_work(page, title) -> str:
    """Press Cancel beside it, and yes; returns what was asked."""
    asked: list[str] = []

    def say_yes(dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.once("dialog", say_yes)
    page.get_by_role("button", name=f"Cancel {title}").click()
    expect(page.locator("#work")).to_contain_text("Over within a day")
    return asked[0]


def test_a_large_import_is_looked_through_without_a_reload_and_cancelled(signed_in):
    page = signed_in.page
    signed_in.open("/devices/import")
    text = file_of(400, more="bad,Bad,pump,\n").replace("d-", "large-")
    page.locator("input[type=file]").set_input_files(
        {"name": "large.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    page.get_by_role("button", name="Look at it").click()

    expect(page.locator("h1")).to_contain_text("looked through, nothing is written yet", timeout=30_000)
    expect(page.locator("#job")).to_contain_text("Leave the wrong ones out: import 400 new, change 0")
    assert findings(page) == []
    signed_in.open("/running/")
    assert findings(page) == []
    asked = cancel_at_work(page, "large.csv")

    assert asked == "Cancel the import of large.csv? Nothing is written yet."
    expect(page.locator("#work")).to_contain_text("cancelled, nothing was written")
    assert signed_in.is_clean()


def test_a_batch_that_waits_for_its_device_is_cancelled(signed_in, plant, admin):
    device = admin.data("devices.create", {"deviceId": "waiting-1", "name": "Waiting", "type": "controller"})
    Api(plant, device["token"]).data("commands.pending")
    batch = admin.data("groups.createBatchOperation", {"operation": "restart", "deviceIds": [device["id"]]})
    page = signed_in.page
    signed_in.open("/running/")

    asked = cancel_at_work(page, "Restart")

    assert asked.startswith("Cancel Restart? 1 device is not over yet")
    page.goto(f"{signed_in.url}/batches/{batch['id']}/")
    expect(page.locator("h1")).to_contain_text("cancelled")
    admin.data("devices.delete", {"id": device["id"]})
    assert signed_in.is_clean()


def test_a_rollout_says_what_it_waits_for_and_is_cancelled(signed_in, admin, team, tmp_path):
    """Its two gateways have never been heard."""
    page = signed_in.page
    file = tmp_path / "gateway.bin"
    file.write_bytes(b"software for " + team.zone.encode())
    signed_in.open("/firmware/new")
    page.set_input_files("#id_file", file)
    page.locator("#id_version").fill("9.0.1")
    page.locator("#id_device_type").select_option("gateway")
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"/firmware/\d+/"))
    firmware_id = int(page.url.rstrip("/").rsplit("/", 1)[1])
    rollout = admin.data(
        "ota.createRollout",
        {
            "name": "Autumn",
            "firmwareVersionId": firmware_id,
            "deviceIds": list(team.devices),
            "waves": [100],
            "successThreshold": 50,
            "failureThreshold": 50,
        },
    )
    admin.data("ota.startRollout", {"id": rollout["id"]})

    signed_in.open("/running/")
    expect(page.locator("#work")).to_contain_text("waits for 2 devices that are offline: nobody knows when")
    assert cancel_at_work(page, "Autumn").startswith("Cancel Autumn?")
    page.goto(f"{signed_in.url}/firmware/rollouts/{rollout['id']}/")
    expect(page.locator("h1")).to_contain_text("cancelled, 0 of 2 updated")
    assert signed_in.is_clean()


def test_a_report_says_its_step_and_is_cancelled(signed_in, admin):
    """The last of many, of which two are made at a time."""
    page, day = signed_in.page, 86_400_000
    now = int(time.time() * 1000)
    asked = {"kind": "analytics", "startTime": now - 60 * day, "endTime": now}
    made = [admin.data("export.requestReport", asked)["id"] for _ in range(15)]
    title = admin.data("export.getReport", {"id": made[-1]})["title"]
    signed_in.open("/running/")
    row = page.locator("#work tr", has_text=title).first
    expect(row).to_contain_text("waits for its turn")
    expect(page.locator("#work")).to_contain_text(re.compile("step [12] of 2, the (figures|PDF)"))
    page.once("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button").click()
    expect(page.locator(".notes")).to_contain_text("Cancelled")

    states = {pk: admin.data("export.getReport", {"id": pk})["status"] for pk in made}
    assert list(states.values()).count("cancelled") == 1
    for pk in made:  # those that are not made yet
        admin.post("export.cancelReport", json.dumps({"id": pk}).encode())
    assert signed_in.is_clean()
