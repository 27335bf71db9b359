"""The lines of curl in docs/integrators.md, as a shell runs them, against a running plant."""

import re
import subprocess
from shutil import which

import pytest
from django.conf import settings

from factory.papers import typescript_text
from factory.urls import registry
from tests.plant import ADMIN_SETTINGS, Api, Plant, as_admin, running

PAGE = (settings.BASE_DIR / "docs/integrators.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
PERSON = {"email": "mira@example.com", "password": "nine copper kettles", "name": "Mira"}


def test_every_line_of_curl_on_the_page_is_among_those_that_are_run():
    assert PAGE.count("curl -") == "".join(BLOCKS).count("curl -") > 5


def filled_in(*, url: str, alert: int) -> str:
    """The lines as whoever reads them types them: with a plant, a password and an alert of theirs."""
    text = "".join(BLOCKS)
    for theirs, ours in {
        "http://127.0.0.1:8000": url,
        '"password": "..."': f'"password": "{PERSON["password"]}"',
        '"ids": [17]': f'"ids": [{alert}]',
    }.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("npm "))


def press_that_is_too_hot(plant: Plant) -> int:
    """Its alert; beside it stands a device that never said a word."""
    boss = as_admin(plant)
    boss.data("devices.create", {"deviceId": "oven-1", "name": "Oven 1", "type": "sensor"})
    press = boss.data("devices.create", {"deviceId": "press-4", "name": "Press 4", "type": "sensor"})
    boss.data("thresholds.create", {"deviceId": press["id"], "metric": "temperature", "maxValue": 90})
    Api(plant, press["token"]).data("readings.create", {"data": {"temperature": 95.0}})
    [alert] = boss.ask("alerts.list")
    return alert["id"]


@pytest.mark.integration
@pytest.mark.skipif(not (which("curl") and which("jq")), reason="curl and jq are needed")
def test_the_lines_do_what_they_say(tmp_path):
    (tmp_path / "src").mkdir()
    with running(tmp_path / "plant", REGISTRATION="open", **ADMIN_SETTINGS) as plant:
        plant.wait_for(f"ready: {plant.url}", seconds=180)
        Api(plant).data("auth.register", PERSON)
        alert = press_that_is_too_hot(plant)
        lines = filled_in(url=plant.url, alert=alert)
        command = ["bash", "-euo", "pipefail", "-c", f'{lines}\nprintf "\\n%s" "$TOKEN" "$KEY"']

        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

        assert (done.returncode, done.stderr) == (0, "")
        name, answer, session, key = (line for line in done.stdout.splitlines() if line)
        assert (name, answer[:10], answer[-3:]) == ('"Press 4"', '{"result":', "}}2")  # of two devices
        [made] = Api(plant, session).ask("auth.apiTokens")
        assert (made["name"], made["scope"], made["start"]) == ("Night export", "read", key[:10])
        assert Api(plant, key).ask("alerts.getById", {"id": alert})["status"] == "acknowledged"
    assert (tmp_path / "src/trpc-types.d.ts").read_text() == typescript_text(registry)
