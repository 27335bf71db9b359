"""systemd, Compose and the Procfile start the same commands; tests/chaos and test_nginx start the Procfile's."""

import re
import shlex
import shutil
import subprocess

import pytest
import yaml
from django.conf import settings

from tests.plant import ROOT, setting_names

DEPLOY = settings.BASE_DIR / "deploy"
# What differs from place to place, with its value.
PLACES = re.compile(r" --(host|port|hostname|schedule|pidfile|workers|concurrency)[= ]\S*")


def plain(command):
    """The command without where it stands, where it listens and how many of it there are."""
    command = re.sub(r"(\S*/)?\.venv/bin/", "", command)
    command = re.sub(r"^(\w+=\S+ )+", "", command)
    return tuple(shlex.split(PLACES.sub("", command)))


@pytest.fixture(scope="module")
def lines():
    text = (ROOT / "Procfile").read_text()
    return {name: plain(command) for name, _, command in (line.partition(": ") for line in text.splitlines())}


def test_each_unit_starts_what_the_procfile_says(lines):
    units = {
        path.stem.removeprefix("factory-").rstrip("@"): plain(
            re.search(r"^ExecStart=(.*)$", path.read_text(), re.MULTILINE).group(1)
        )
        for path in (DEPLOY / "systemd").glob("*.service")
    }

    assert units.pop("credentials") == ("python", "manage.py", "mqtt_credentials", "--watch")
    assert units == lines


def test_each_container_starts_what_the_procfile_says(lines):
    services = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    started = {
        name: plain(service["command"])
        for name, service in services.items()
        if service.get("image") == "smart-factory-iot" and name != "prepare"
    }

    assert {name.partition("-")[0] for name in started} == set(lines)
    assert started == {name: lines[name.partition("-")[0]] for name in started}


def test_the_example_of_settings_names_settings():
    text = (DEPLOY / "factory.env").read_text()

    assert set(re.findall(r"^(\w+)=", text, re.MULTILINE)) <= setting_names()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_units(tmp_path):
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/factory", str(ROOT))
        (tmp_path / path.name.replace("@.", "@8000.")).write_text(text)

    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
