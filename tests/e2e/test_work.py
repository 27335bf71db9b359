"""What runs in the background, in a real browser: an import and a batch, cancelled where all of it stands."""

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
