"""schemathesis asks a running plant whatever /api/schema allows, and what it does not, as each role, all checks on."""

import json
import re
import subprocess
import sys

import pytest

from factory.urls import registry
from tests.plant import MANAGE, plain_environment, running

pytestmark = pytest.mark.integration

# Whoever may do more comes later: technicians end tokens, and admins delete the device that asks.
ROLES = ("stranger", "device", "user", "operator", "technician", "admin")
# A 400 may follow from what a schema cannot say: that an end lies after its beginning, or that a metric is a counter;
# a 412 from something that is missing, a 413 from a day's uploads, a 429 from the limits.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 413, 429]
"""
WORDS = "--checks all --phases examples,fuzzing --max-examples 2 --seed 1 --no-shrink --continue-on-failure"
HOW = [*WORDS.split(), "--no-color", "--generation-database", "none"]
# The share of procedures that are shut to a role whatever it asks: who is not let in at all finds all of them shut.
SHUT_AT_MOST = {"stranger": 1, "device": 0.96, "user": 0.7, "operator": 0.5, "technician": 0.2, "admin": 0.1}
# These end the session that asks, which would ask on as a stranger.
ENDS_ITSELF = ("auth.logout", "auth.changePassword", "auth.revokeSession")
SIGN_IN = f"""
import json
from django.utils import timezone
from factory.accounts.services import open_session
from tests.builders import make_device, make_token, make_user
now = timezone.now()
tokens = {{role: open_session(user=make_user(role=role), at=now) for role in {ROLES[2:]}}}
tokens["device"] = make_token(make_device(), at=now)
print(json.dumps(tokens))
"""


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    with running(tmp_path_factory.mktemp("plant"), MQTT_BROKER="none") as plant:
        yield plant.wait_ready()


@pytest.fixture(scope="module")
def tokens(plant) -> dict[str, str]:
    environment = plain_environment(FACTORY_DATA=plant.mark.partition("=")[2], FACTORY_DEMO="0")
    told = subprocess.run(
        [*MANAGE, "shell", "-v", "0", "-c", SIGN_IN],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(told.stdout.splitlines()[-1])


def told(output: str) -> str:
    """What failed, without the warnings about what it could not reach."""
    return output.partition("= FAILURES =")[2].partition("= WARNINGS =")[0][-8000:] or output[-3000:]


@pytest.mark.parametrize("role", ROLES)
def test_nothing_breaks_and_nothing_is_answered_that_was_not_told(plant, tokens, tmp_path, role):
    config = CONFIG
    if role in tokens:
        scheme = "device" if role == "device" else "person"
        config += f'[auth.openapi.{scheme}]\nbearer = "{tokens[role]}"\n'
    (tmp_path / "schemathesis.toml").write_text(config)
    endless = [each.path for each in registry if each.kind not in ("query", "mutation")]
    alone = [*endless, *(ENDS_ITSELF if role in tokens else ())]
    left_out = [word for path in alone for word in ("--exclude-operation-id", path)]

    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{plant.url}/api/schema", *HOW, *left_out]
    asked = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    tested = re.search(r"Tested: (\d+)", asked.stdout)
    assert asked.returncode == 0, told(asked.stdout)
    assert tested
    assert int(tested[1]) > 100
    shut = re.search(r"Authentication failed: (\d+) operations", asked.stdout)
    assert shut
    assert int(shut[1]) < int(tested[1]) * SHUT_AT_MOST[role]  # who asked was really let in
