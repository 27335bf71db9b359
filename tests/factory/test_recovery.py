"""A running plant is backed up and comes back in an empty place: readings, people, tokens, files and keys."""

import hashlib
import subprocess
import threading
import time

import httpx
import pytest

from tests.factory.test_main_road import services_under_test
from tests.plant import ADMIN_SETTINGS, MANAGE, Api, as_admin, plain_environment, running

pytestmark = pytest.mark.integration
FIRMWARE = bytes(range(256)) * 4000


def manage(folder, *words, **chosen):
    return subprocess.run(
        [*MANAGE, *(str(word) for word in words)],
        env=plain_environment(FACTORY_DATA=str(folder), FACTORY_DEMO="0", **chosen),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def upload(plant, admin):
    answer = httpx.post(
        f"{plant.url}/api/trpc/firmware.create",
        data={"version": "1.0.0", "deviceType": "sensor"},
        files={"file": ("sensor.bin", FIRMWARE)},
        headers={"authorization": admin.headers["authorization"]},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]["data"]


def stored(folder):
    root = folder / "storage"
    return {
        str(each.relative_to(root)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in root.rglob("*")
        if each.is_file()
    }


def readings_of(admin, device_id, start, end):
    rows = admin.data(
        "readings.getForDevice", {"deviceId": device_id, "startTime": start, "endTime": end, "limit": 10_000}
    )
    return {row["timestamp"]: row["temperature"] for row in rows}


def test_a_plant_is_backed_up_while_it_runs_and_comes_back_in_an_empty_place(tmp_path):
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "plant.tar.gz"
    start = int(time.time() * 1000) - 60_000
    with services_under_test("before") as those, running(old, **ADMIN_SETTINGS, **those) as plant:
        plant.wait_ready()
        admin = as_admin(plant)
        device = admin.data("devices.create", {"deviceId": "press-1", "name": "P", "type": "sensor"})
        upload(plant, admin)
        sender, ends, acknowledged = Api(plant, device["token"]), threading.Event(), []

        def send():
            while not ends.is_set():
                at = start + len(acknowledged)
                sender.data("readings.create", {"data": {"temperature": 20.5}, "timestamp": at})
                acknowledged.append(at)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            while len(acknowledged) < 50:
                time.sleep(0.02)
            before = list(acknowledged)
            made = manage(old, "backup", file, **those)
            after = len(acknowledged)
        finally:
            ends.set()
            thread.join(20)
        assert (made.returncode, file.stat().st_mode & 0o777) == (0, 0o600), made.stderr
        assert after > len(before)  # nobody had to wait for it
        plant.end()

    assert "is whole" in manage(new, "restore", "--check", file, **those).stdout
    with services_under_test("after") as those:
        done = manage(new, "restore", file, **those)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (new / "secret_key").read_text() == (old / "secret_key").read_text()

        again = manage(new, "restore", file, **those)
        assert (again.returncode, "The database is not empty." in again.stderr) == (1, True)

        with running(new, **those) as plant:
            plant.wait_ready()
            assert Api(plant, admin.headers["authorization"].removeprefix("Bearer ")).data("auth.me")[
                "email"
            ]  # whoever was signed in still is
            admin = as_admin(plant)
            found = readings_of(admin, device["id"], start, start + 1_000_000)
            assert set(before) <= found.keys() <= set(acknowledged)
            assert set(found.values()) == {20.5}
            assert Api(plant, device["token"]).data("readings.create", {"data": {"temperature": 1}})[
                "accepted"
            ]
            assert stored(new) == stored(old)
            assert hashlib.sha256(FIRMWARE).hexdigest() in stored(new).values()
            refused = manage(new, "restore", file, **those)
            assert (refused.returncode, "in use by another server" in refused.stderr) == (2, True)


def test_the_newest_backups_of_a_folder_are_kept(tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in ("2026-05-30", "2026-05-31"):
        (folder / f"factory-{day}T020000Z.tar.gz").write_bytes(b"old")
    (folder / "notes.txt").write_text("mine")
    assert manage(tmp_path / "data", "migrate").returncode == 0

    made = manage(tmp_path / "data", "backup", folder, "--keep", "2", "--without-storage")

    names = sorted(each.name for each in folder.iterdir())
    assert made.returncode == 0, made.stderr
    assert names[0] == "factory-2026-05-31T020000Z.tar.gz"
    assert (len(names), names[-1]) == (3, "notes.txt")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("backup", "/no/such/folder/file"), "No backup was made."),
        (("backup", "file", "--keep", "3"), "--keep is for folders"),
        (("restore", "/no/such/file"), "cannot be restored"),
        (("restore", "/etc/hostname"), "is no backup"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, words, sentence):
    done = manage(tmp_path, *words)
    assert (done.returncode, sentence in done.stderr, "Traceback" in done.stderr) == (1, True, False)
