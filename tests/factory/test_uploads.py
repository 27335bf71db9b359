"""What comes in as a file: looked into in one place only, never named by its sender, never handed on as what acts."""

import ast
import io
import re
import zipfile
from pathlib import Path

import pytest
from django.conf import settings as plant_settings
from django.core.files.uploadedfile import SimpleUploadedFile

from ota.models import Firmware
from tests.builders import data_of, make_user, sign_in
from tests.ota.storing import stored_files, use_storage

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
    "ota/unpacking.py": {"bz2", "lzma", "zipfile", "zlib"},  # looks whether it is a bomb, and keeps nothing
}


def unpackers_in(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & UNPACKERS


def test_one_place_looks_into_what_was_sent_and_nothing_else_unpacks_it():
    files = [path for room in ROOMS for path in (plant_settings.BASE_DIR / room).rglob("*.py")]
    found = {str(path.relative_to(plant_settings.BASE_DIR)): unpackers_in(path) for path in files}

    assert {name: unpackers for name, unpackers in found.items() if unpackers} == OUR_OWN


def archive() -> bytes:
    """A zip whose content wants to lie elsewhere."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("../../../etc/cron.d/evil", b"evil " * 100)
    return packed.getvalue()


def form(name: str, content: bytes) -> bytes:
    """A form as a sender may write it by hand, whatever a library would make of the name."""
    fields = {"version": "1.0.0", "deviceType": "sensor"}
    parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{value}' for key, value in fields.items()]
    head = (
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/html\r\n\r\n'
    )
    body = b"".join(b"--edge\r\n" + part.encode() + b"\r\n" for part in parts)
    return body + b"--edge\r\n" + head.encode() + content + b"\r\n--edge--\r\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "..\\\\..\\\\evil.html", "/etc/evil", "a%0d%0aX-Evil: 1.bin", "x" * 300]
)
def test_a_firmware_is_kept_as_it_came_under_a_name_of_ours_and_goes_out_as_bytes_only(
    client, name, settings, tmp_path
):
    use_storage(settings, f"file://{tmp_path / 'storage'}")
    sign_in(client, make_user(role="technician"))
    content = archive()

    told = data_of(
        client.post(
            "/api/trpc/firmware.create",
            form(name, content),
            content_type="multipart/form-data; boundary=edge",
            headers={"origin": "http://testserver"},
        )
    )
    answer = client.get(f"/api/firmware/{told['id']}/file")

    kept = Firmware.objects.get().file
    assert stored_files() == {kept: content}
    assert re.fullmatch(r"firmware/sensor/1\.0\.0-[0-9a-f]+\.bin", kept)
    assert [each.name for each in tmp_path.iterdir()] == ["storage"]
    assert b"".join(answer) == content
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == 'attachment; filename="sensor-1.0.0.bin"'
    assert (answer["X-Content-Type-Options"], "X-Evil" in answer) == ("nosniff", False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content",
    [archive(), b"\x00" * 100, b"\xff\xfe" * 50, b"MZ\x90\x00" + b"x" * 100, b"<svg onload=alert(1)>"],
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
