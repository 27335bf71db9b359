"""What comes in as a file: never unpacked, never named by whoever sends it, never handed on as anything that acts."""

import ast
import io
import zipfile
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from ota.models import Firmware
from tests.builders import data_of, make_user, sign_in
from tests.ota.storing import stored_files

ROOMS = ["factory", "devices", "telemetry", "alerts", "ota", "grouping", "analytics"]
UNPACKERS = {
    "zipfile",
    "tarfile",
    "gzip",
    "bz2",
    "lzma",
    "zlib",
    "shutil.unpack_archive",
    "pickle",
    "marshal",
    "yaml",
}
# Who packs or unpacks what is our own: backups on an admin's command, answers to browsers, places in a hash.
OUR_OWN = {
    "factory/safekeeping/parcel.py": {"gzip", "tarfile", "zlib"},
    "factory/smaller.py": {"gzip"},
    "factory/limits/usage.py": {"zlib"},
}


def unpackers_in(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & UNPACKERS


def test_nothing_in_the_house_unpacks_what_was_sent():
    files = [path for room in ROOMS for path in (settings.BASE_DIR / room).rglob("*.py")]
    found = {str(path.relative_to(settings.BASE_DIR)): unpackers_in(path) for path in files}

    assert {name: unpackers for name, unpackers in found.items() if unpackers} == OUR_OWN


def bomb() -> bytes:
    """A megabyte of zip that would be a gigabyte."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../etc/cron.d/evil", b"\0" * 10_000_000)
    return packed.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["../../../etc/passwd", "evil.html", "a\r\nX-Evil: 1.bin", "x" * 300])
def test_a_firmware_is_kept_as_it_came_under_a_name_of_ours_and_goes_out_as_bytes_only(client, name):
    sign_in(client, make_user(role="technician"))
    content = bomb() + name.encode()
    parts = {"file": SimpleUploadedFile("f", content, content_type="text/html"), "version": "1.0.0"}
    parts["file"]._name = name  # what a sender may write, past what Django's own class makes of it

    told = data_of(
        client.post(
            "/api/trpc/firmware.create",
            {**parts, "deviceType": "sensor"},
            headers={"origin": "http://testserver"},
        )
    )
    answer = client.get(f"/api/firmware/{told['id']}/file")

    kept = Firmware.objects.get().file
    assert stored_files() == {kept: content}
    assert (".." in kept, "evil" in kept, kept.endswith(".bin"), len(kept) < 200) == (
        False,
        False,
        True,
        True,
    )
    assert b"".join(answer) == content
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert (answer["X-Content-Type-Options"], "X-Evil" in answer) == ("nosniff", False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content", [bomb(), b"\x00" * 100, b"\xff\xfe" * 50, b"MZ\x90\x00" + b"x" * 100, b"<svg onload=alert(1)>"]
)
def test_a_file_that_is_no_table_is_refused_whatever_it_calls_itself(client, content):
    sign_in(client, make_user(role="admin"))

    for page in ("/devices/import", "/admin/alerts/threshold/import/"):
        file = SimpleUploadedFile("devices.csv", content, content_type="text/csv")
        answer = client.post(page, {"file": file})
        assert (page, answer.status_code in (200, 422), bool(answer.context["form"].errors)) == (
            page,
            True,
            True,
        )
