"""Two journeys with many devices, at a desk, a tablet and a phone: a batch, and a rollout."""

from itertools import count

import pytest

from tests.e2e.looking import wait_for_line

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
_numbers = count(1)


def last_number(page) -> int:
    """Of the thing whose page this is."""
    return int(page.url.rstrip("/").rsplit("/", 1)[1])


def test_group_devices_and_restart_them(walker, team, admin):
    page = walker.page
    walker.open("/groups/")
    walker.tap(page.get_by_role("link", name="Make a group"))
    page.wait_for_url("**/groups/new")
    page.locator("#id_name").fill(f"Group of {team.zone}")
    page.locator("#id_filter").fill(f"zone = '{team.zone}'")
    walker.tap(page.get_by_role("button", name="Look who matches"))
    expect(page.locator("#preview")).to_contain_text("2 devices match now")
    walker.passes()
    walker.tap(page.get_by_role("button", name="Make it"))
    expect(page.locator("h1")).to_have_text(f"Group of {team.zone}")
    group = last_number(page)
    assert admin.data("groups.getById", {"id": group})["deviceIds"] == sorted(team.devices)
    walker.passes()

    walker.tap(page.get_by_role("link", name="Do something with all 2"))
    page.wait_for_url("**/batches/new?*")
    walker.tap(page.get_by_label("Restart"))
    walker.passes()
    walker.tap(page.get_by_role("button", name="Next"))
    look = page.get_by_role("button", name="Look who is in it")
    expect(look).to_be_visible()
    walker.passes()
    walker.tap(look)
    expect(page.locator("h1")).to_have_text(f"Restart: 2 devices of Group of {team.zone}")
    walker.passes()
    walker.tap(page.get_by_role("button", name="Restart: 2 devices"))

    page.wait_for_url("**/batches/*/")
    wait_for_line(page)
    expect(page.locator("[data-count=waiting]")).to_have_text("2")
    page.evaluate("window.untouched = true")
    for device in team.devices.values():
        [command] = device.data("commands.pending")
        assert command["name"] == "restart"
        device.data("commands.ack", {"id": command["id"], "status": "succeeded"})
    expect(page.locator("[data-count=succeeded]")).to_have_text("2")
    assert page.evaluate("window.untouched"), "the page was loaded anew on the way"
    batch = admin.data("groups.getBatchOperation", {"id": last_number(page)})
    assert (batch["status"], batch["succeeded"], batch["failed"]) == ("completed", 2, 0)
    walker.passes()
    assert walker.is_clean()
    admin.data("groups.delete", {"id": group})


def test_roll_out_firmware(walker, team, admin, tmp_path):
    version = f"9.0.{next(_numbers)}"
    file = tmp_path / "gateway.bin"
    file.write_bytes(f"software {version}".encode())
    page = walker.page
    walker.open("/firmware/")
    walker.tap(page.get_by_role("link", name="Upload a version").first)
    page.wait_for_url("**/firmware/new")
    page.set_input_files("#id_file", file)
    page.locator("#id_version").fill(version)
    page.locator("#id_device_type").select_option("gateway")
    walker.tap(page.get_by_role("button", name="Upload"))
    expect(page.locator("h1")).to_have_text(version)
    walker.passes()

    walker.tap(page.get_by_role("link", name="Roll it out"))
    page.wait_for_url("**/rollouts/new?*")
    page.locator("#id_filter").fill(f"zone = '{team.zone}'")
    walker.passes()
    walker.tap(page.get_by_role("button", name="Next"))
    expect(page.locator("#id_waves")).to_be_visible()
    page.locator("#id_waves").fill("100")
    page.locator("#id_health_minutes").fill("0")
    walker.passes()
    walker.tap(page.get_by_role("button", name="Look who is in which wave"))
    expect(page.locator("h1")).to_have_text(f"{version} for 2 devices")
    walker.passes()
    walker.tap(page.get_by_role("button", name="Keep this plan"))
    expect(page.locator("h1")).to_contain_text("not started")
    rollout = last_number(page)
    walker.tap(page.get_by_role("button", name="Start: 2 devices in 1 wave"))

    expect(page.locator("[data-count=deploying]")).to_have_text("2", timeout=30_000)
    wait_for_line(page)
    page.evaluate("window.untouched = true")
    for device in team.devices.values():
        offer = device.data("ota.check", {"runningVersion": "1.0.0"})
        assert offer["version"] == version
        for status in ("downloading", "installing"):
            device.data("ota.updateStatus", {"id": offer["deploymentId"], "status": status})
        done = {"id": offer["deploymentId"], "status": "completed", "runningVersion": version}
        device.data("ota.updateStatus", done)
    expect(page.locator("h1")).to_contain_text("over, 2 of 2 updated", timeout=30_000)
    assert page.evaluate("window.untouched"), "the page was loaded anew on the way"
    assert admin.data("ota.getRollout", {"id": rollout})["status"] == "completed"
    assert {admin.data("devices.getById", {"id": one})["firmwareVersion"] for one in team.devices} == {
        version
    }
    walker.passes()
    assert walker.is_clean()
