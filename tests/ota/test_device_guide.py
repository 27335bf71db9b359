"""The script of docs/device-guide.md against the real server, over a line that breaks."""

import re
import shlex
import subprocess
import sys
from random import Random
from shutil import which

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from ota.services.deployments import deploy
from tests.builders import make_firmware, make_token
from tests.factory.running import free_port, server
from tests.ota.cutting import line_to
from tests.ota.updating import make_runner, stands, steps_of

SCRIPT = settings.BASE_DIR / "docs/device_guide/update.py"
SIZE = 4_000_000
pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """A server whose links lead over a line that is cut at 60 % of the image."""
    monkeypatch.setenv("STORAGE_URL", f"file://{tmp_path / 'storage'}")
    port = free_port()
    with line_to(port, cut_after=int(SIZE * 0.6)) as line:
        monkeypatch.setenv("PUBLIC_URL", line.url)
        with server(port):
            yield line


def run_script(line, device, folder, *more):
    token = make_token(device, at=timezone.now())
    command = [sys.executable, SCRIPT, "--url", line.url, "--token", token, "--folder", folder, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_download_that_is_cut_goes_on_where_it_was(plant, tmp_path):
    content = Random(1).randbytes(SIZE)
    device = make_runner("1.0.0")
    deployment = deploy(
        device=device, firmware=make_firmware(version="2.0.0", content=content), at=timezone.now()
    )

    done = run_script(plant, device, tmp_path / "device")

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "runs 2.0.0"), done.stderr
    assert (tmp_path / "device/firmware.bin").read_bytes() == content
    assert plant.cuts == 1
    assert SIZE <= plant.carried <= 1.02 * SIZE
    assert stands(deployment)[:2] == ("completed", 100)
    assert steps_of(deployment) == ["pending", "downloading", "installing", "completed"]
    assert run_script(plant, device, tmp_path / "device").stdout == "nothing to do: 2.0.0 it is\n"


def test_what_is_not_what_was_promised_is_not_put_on(plant, tmp_path):
    device = make_runner("1.0.0")
    firmware = make_firmware(version="2.0.0", content=b"good" * 1000)
    deployment = deploy(device=device, firmware=firmware, at=timezone.now())
    with default_storage.open(firmware.file, "wb") as file:
        file.write(b"evil" * 1000)

    done = run_script(plant, device, tmp_path / "device")

    assert (done.returncode, done.stdout[:7]) == (1, "failed:")
    assert stands(deployment)[0] == "failed"
    assert not (tmp_path / "device/firmware.bin").exists()


def run_curl_of_the_guide(line, device, folder):
    guide = (settings.BASE_DIR / "docs/device-guide.md").read_text()
    blocks = re.findall(r"```sh curl\n(.*?)```", guide, re.DOTALL)
    known = {"URL": line.url, "TOKEN": make_token(device, at=timezone.now())}
    text = "\n".join(f"{name}={shlex.quote(value)}" for name, value in known.items())
    # Without -e: what stops a device stands in the lines themselves.
    command = ["bash", "-uo", "pipefail", "-c", "\n".join([text, *blocks])]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


needs_curl = pytest.mark.skipif(not (which("curl") and which("jq")), reason="curl and jq are needed")


@needs_curl
def test_the_lines_of_curl_in_the_guide_work(plant, tmp_path):
    device = make_runner("1.0.0")
    deployment = deploy(device=device, firmware=make_firmware(version="2.0.0"), at=timezone.now())

    done = run_curl_of_the_guide(plant, device, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert stands(deployment)[0] == "completed"


@needs_curl
def test_the_lines_of_curl_in_the_guide_stop_at_a_bad_file(plant, tmp_path):
    device = make_runner("1.0.0")
    firmware = make_firmware(version="2.0.0", content=b"good" * 1000)
    deployment = deploy(device=device, firmware=firmware, at=timezone.now())
    with default_storage.open(firmware.file, "wb") as file:
        file.write(b"evil" * 1000)

    done = run_curl_of_the_guide(plant, device, tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert steps_of(deployment) == ["pending", "downloading", "failed"]
    assert list(tmp_path.glob("image*")) == []
