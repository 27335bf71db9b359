"""The plants that are looked at: a full one, an empty one, and one of a thousand devices."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.plant import ADMIN_SETTINGS, MANAGE, Api, Plant, as_admin, plain_environment, running
from tests.services import wait_until

HOUR = 3_600_000
ZONE = {"PLANT_TIME_ZONE": "Europe/Berlin"}
SEEDED = {"full": ("--devices", "24"), "thousand": ("--devices", "1000", "--history-days", "1")}
KINDS = ("full", "empty", "thousand")


@contextmanager
def plant_of(kind: str, folder: Path) -> Iterator[Plant]:
    """A running plant of this kind. What is in the folder already is kept, so that a second look costs less."""
    fresh = not (folder / "factory.sqlite3").exists()
    if kind in SEEDED and fresh:
        environment = plain_environment(FACTORY_DATA=str(folder), **ZONE)
        for command in (["migrate", "-v0"], ["seed_demo", *SEEDED[kind]]):
            subprocess.run([*MANAGE, *command], env=environment, check=True, stderr=subprocess.DEVNULL)
    # A thousand devices stay silent: a page that changes while it is measured is another page each time.
    demo = "1" if kind == "full" else "0"
    with running(folder, FACTORY_DEMO=demo, **ZONE, **ADMIN_SETTINGS) as plant:
        yield plant.wait_ready()
        plant.end()


class Furnisher:
    """Puts into a plant one of each thing that has a page, and remembers it as an example."""

    def __init__(self, plant: Plant, tell: Callable[[str], None]) -> None:
        self.plant, self.tell = plant, tell
        self.admin: Api = as_admin(plant)
        self.examples: dict[str, str | int] = {}
        self.now = int(time.time() * 1000)

    def furnish(self) -> dict[str, str | int]:
        for part in (
            self.devices,
            self.thresholds,
            self.alerts,
            self.groups,
            self.firmware,
            self.reports,
            self.others,
        ):
            try:
                part()
            except (AssertionError, LookupError, TimeoutError, httpx.HTTPError) as trouble:
                self.tell(f"no examples of {part.__name__}: {str(trouble)[:300]}")
        return self.examples

    def devices(self) -> None:
        found = self.admin.data("devices.list", {"limit": 30})
        self.ids = [device["id"] for device in found]
        self.press = next((one for one in found if one["name"].startswith("Press")), found[0])
        self.examples["device_id"] = self.press["id"]
        self.admin.data(
            "devices.setConfig", {"id": self.press["id"], "desired": {"speed": 80, "mode": "eco"}}
        )
        new = {"deviceId": "press-new", "name": "Press 99, not connected yet", "type": "controller"}
        if not self.admin.data("devices.list", {"search": "press-new"}):
            self.admin.data("devices.create", {**new, "zone": "Hall B"})

    def thresholds(self) -> None:
        kept = self.admin.data("thresholds.getForDevice", {"deviceId": self.press["id"]})
        own = [one for one in kept if one["deviceId"] == self.press["id"]]
        self.examples["threshold_id"] = own[0]["id"]

    def alerts(self) -> None:
        made = [
            self.admin.data(
                "alerts.create",
                {"deviceId": self.ids[at], "type": type, "severity": severity, "message": words},
            )
            for at, type, severity, words in (
                (1, "system_error", "critical", "Hydraulic pressure lost, machine stopped itself"),
                (2, "maintenance_required", "warning", "The filter has run for 2,000 hours"),
                (3, "firmware_update", "info", "A newer version is there"),
                (4, "system_error", "critical", "Emergency stop was pressed at gate 3"),
                (5, "maintenance_required", "warning", "Grease the spindle"),
            )
        ]
        first, second, third, fourth, _ = (alert["id"] for alert in made)
        self.admin.data("alerts.acknowledge", {"ids": [second], "note": "I look at it after the break"})
        self.admin.data("alerts.shelve", {"id": third, "minutes": 480, "reason": "Planned for Friday"})
        self.admin.data("alerts.comment", {"id": fourth, "text": "Nobody is hurt, the gate was open"})
        self.admin.data("alerts.resolve", {"ids": [first]})
        self.examples["alert_id"] = fourth

    def groups(self) -> None:
        groups = self.admin.data("groups.list")
        names = {group["name"] for group in groups}
        if "Night watch" not in names:
            group = {"name": "Night watch", "type": "custom", "deviceIds": self.ids[:8]}
            made = self.admin.data("groups.create", group)
            inner = {
                "name": "Its pumps",
                "type": "custom",
                "parentId": made["id"],
                "filter": "name contains 'ump'",
            }
            try:
                self.admin.data("groups.create", inner)
            except AssertionError as refusal:
                self.tell(str(refusal)[:200])
        else:
            made = next(group for group in groups if group["name"] == "Night watch")
        self.examples["group_id"] = made["id"]
        for operation, parameters in (("restart", {}), ("update_config", {"config": {"speed": 70}})):
            asked = {"groupId": made["id"], "operation": operation, "parameters": parameters}
            try:
                batch = self.admin.data("groups.createBatchOperation", asked)
                self.examples["batch_id"] = batch["id"]
            except AssertionError as refusal:
                self.tell(str(refusal)[:200])

    def firmware(self) -> None:
        kept = {one["version"]: one for one in self.admin.data("firmware.list", {})}
        for version, words in (("8.4.0", "Slower *ramp* on cold starts"), ("8.5.0", "Fixes **leaks**")):
            if version not in kept:
                answer = httpx.post(
                    self.admin.base + "firmware.create",
                    headers={"authorization": self.admin.headers["authorization"]},
                    data={
                        "version": version,
                        "deviceType": self.press["type"],
                        "releaseNotes": words,
                        "isStable": "true",
                    },
                    files={"file": ("press.bin", f"software {version}".encode() * 4000)},
                    trust_env=False,
                )
                assert answer.status_code == 200, answer.text
                kept[version] = answer.json()["result"]["data"]
        self.examples["firmware_id"] = kept["8.5.0"]["id"]
        plan = {"waves": [20, 100], "successThreshold": 90, "failureThreshold": 50}
        for name, start in (("Press software, spring", True), ("Press software, next", False)):
            version = kept["8.4.0" if start else "8.5.0"]["id"]
            rollout = self.admin.data(
                "ota.createRollout",
                {
                    **plan,
                    "name": name,
                    "firmwareVersionId": version,
                    "filter": f"type = '{self.press['type']}'",
                },
            )
            if start:
                self.admin.data("ota.startRollout", {"id": rollout["id"]})
                self.examples["rollout_id"] = rollout["id"]

    def reports(self) -> None:
        span = {"startTime": self.now - 24 * HOUR, "endTime": self.now}
        self.admin.data("export.requestReport", {**span, "kind": "device", "deviceId": self.press["id"]})
        report = self.admin.data("export.requestReport", {**span, "kind": "analytics"})
        self.examples["report_id"] = report["id"]
        planned = self.admin.data("export.schedules", {}) or [
            self.admin.data(
                "export.scheduleReport",
                {
                    "name": "Every morning",
                    "kind": "analytics",
                    "cadence": "daily",
                    "atTime": "06:00",
                    "recipients": ["shift@example.com"],
                },
            )
        ]
        self.examples["schedule_id"] = planned[0]["id"]
        wait_until(lambda: self._done(report["id"]), what="a report", seconds=90)

    def _done(self, report_id: int) -> bool:
        return bool(self.admin.data("export.getReport", {"id": report_id})["status"] in ("done", "failed"))

    def others(self) -> None:
        codes = self.admin.data("analytics.stopCodes")
        self.examples["code"] = codes[0]["code"]
        configs = self.admin.data("notifications.getConfigs") or [
            self.admin.data(
                "notifications.registerConfig",
                {"enabled": True, "type": "email", "recipient": "m@example.com"},
            )
        ]
        self.examples["config_id"] = configs[0]["configId"]
        if not self.admin.data("devices.claimCodes", {}):
            self.admin.data("devices.createClaimCode", {"label": "Line 4, spring", "maxUses": 20})
        if not self.admin.data("maintenance.list", {}):
            window = {"name": "Oil change", "zone": "Hall A", "startTime": iso(self.now)}
            self.admin.data("maintenance.plan", {**window, "endTime": iso(self.now + 6 * HOUR)})
        if not self.admin.data("readings.exchanges", {"deviceId": self.press["id"]}):
            old = {"deviceId": self.press["id"], "metric": "parts", "oldValue": 1234567.8, "newValue": 0}
            self.admin.data("readings.noteExchange", {**old, "timestamp": self.now - HOUR})


def iso(milliseconds: int) -> str:
    """As the API writes a time."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def as_cookie(plant: Plant) -> dict[str, Any]:
    """The admin's session, as a browser keeps it."""
    token = as_admin(plant).headers["authorization"].removeprefix("Bearer ")
    return {"name": "app_session_id", "value": token, "url": plant.url}


def remembered(folder: Path) -> dict[str, str | int]:
    file = folder / "examples.json"
    return json.loads(file.read_text()) if file.exists() else {}


def remember(folder: Path, examples: dict[str, str | int]) -> None:
    (folder / "examples.json").write_text(json.dumps(examples))
