"""Keys, manifests and signatures, and what an upload makes of them."""

import base64
import hashlib
import json
import stat
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command

from factory.errors import Conflict, InvalidInput
from ota.fitting import fits
from ota.manifests import BadManifest, Manifest, read_manifest
from ota.models import Firmware
from ota.services.firmware import register_external, upload_firmware
from ota.signing import is_signed_by_one_of, load_private_key, make_key, sign, trusted_keys
from tests.builders import NOON, make_device, make_firmware, make_user
from tests.ota.storing import stored_files

CONTENT = b"a new program" * 100


def manifest_for(content=CONTENT, **others):
    facts = {
        "version": "2.0.0",
        "device_type": "sensor",
        "hardware": ("board-a",),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "sequence": 7,
    }
    return Manifest(**{**facts, **others}).text()


@pytest.fixture
def key(settings, tmp_path):
    settings.FIRMWARE_PUBLIC_KEYS = [make_key(tmp_path / "private.pem")]
    return load_private_key(tmp_path / "private.pem")


def upload(manifest="", signature="", *, content=CONTENT, version="2.0.0", device_type="sensor", **others):
    return upload_firmware(
        file=BytesIO(content),
        version=version,
        device_type=device_type,
        manifest=manifest,
        signature=signature,
        by=make_user(role="technician"),
        at=NOON,
        **others,
    )


@pytest.mark.django_db
def test_a_signed_version_keeps_what_was_signed_and_its_number(key):
    make_firmware(version="1.0.0")
    manifest = manifest_for()

    firmware = upload(manifest, sign(key, manifest))

    firmware = Firmware.objects.get(pk=firmware.pk)
    assert (firmware.sequence, firmware.hardware, firmware.manifest) == (7, ["board-a"], manifest)
    assert is_signed_by_one_of(trusted_keys(), manifest=firmware.manifest, signature=firmware.signature)
    assert upload(content=b"next", version="2.0.1").sequence == 8


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("lie", "field"),
    [
        ({"version": "2.0.1"}, "version"),
        ({"device_type": "gateway"}, "deviceType"),
        ({"size": len(CONTENT) + 1}, "manifest"),
        ({"sha256": "0" * 64}, "manifest"),
        ({"expires": NOON - timedelta(seconds=1)}, "manifest"),
        ({"expires": NOON}, "manifest"),
    ],
)
def test_a_manifest_that_is_not_about_this_file_is_refused_and_nothing_is_kept(key, lie, field):
    manifest = manifest_for(**lie)

    with pytest.raises(InvalidInput) as refused:
        upload(manifest, sign(key, manifest))

    assert list(refused.value.fields) == [field]
    assert (Firmware.objects.count(), stored_files()) == (0, {})


@pytest.mark.django_db
def test_other_hardware_than_signed_is_refused(key):
    manifest = manifest_for()
    with pytest.raises(InvalidInput, match="hardware"):
        upload(manifest, sign(key, manifest), hardware=["board-b"])


@pytest.mark.django_db
def test_a_signature_must_be_over_this_manifest_and_by_a_key_we_trust(key, tmp_path, settings):
    manifest = manifest_for()
    make_key(tmp_path / "stranger.pem")
    stranger = load_private_key(tmp_path / "stranger.pem")
    wrong = [
        sign(key, manifest + " "),
        sign(stranger, manifest),
        "",
        "not base64!",
        base64.b64encode(b"short").decode(),
        sign(key, manifest)[:-4] + "AAA=",
    ]
    for signature in wrong:
        with pytest.raises(InvalidInput) as refused:
            upload(manifest, signature)
        assert list(refused.value.fields) == ["signature"]
    with pytest.raises(InvalidInput, match="manifest"):
        upload("", sign(key, manifest))
    assert Firmware.objects.count() == 0

    settings.FIRMWARE_PUBLIC_KEYS = []
    with pytest.raises(InvalidInput, match="signature"):
        upload(manifest, sign(key, manifest))


@pytest.mark.django_db
def test_while_keys_change_both_count(key, settings, tmp_path):
    settings.FIRMWARE_PUBLIC_KEYS = [*settings.FIRMWARE_PUBLIC_KEYS, make_key(tmp_path / "next.pem")]
    first, second = manifest_for(), manifest_for(b"b", version="2.0.1", sequence=8)

    upload(first, sign(key, first))
    upload(second, sign(load_private_key(tmp_path / "next.pem"), second), content=b"b", version="2.0.1")

    assert Firmware.objects.count() == 2


@pytest.mark.django_db
def test_a_plant_may_take_signed_firmware_only(key, settings):
    unsigned = make_firmware(version="1.0.0")
    settings.FIRMWARE_REQUIRE_SIGNATURE = True
    with pytest.raises(InvalidInput, match="signature"):
        upload()
    with pytest.raises(InvalidInput, match="signature"):
        register_external(
            url="https://files.example/x.bin",
            size=3,
            checksum="0" * 64,
            version="2.0.0",
            device_type="sensor",
            by=make_user(),
            at=NOON,
        )
    assert fits(unsigned, make_device()) == "Version 1.0.0 is not signed."


@pytest.mark.django_db
def test_a_signed_number_must_be_above_all_before(key):
    first = manifest_for()
    upload(first, sign(key, first))
    for sequence in (6, 7):
        manifest = manifest_for(b"older", version="3.0.0", sequence=sequence)
        with pytest.raises(Conflict, match="not above 7"):
            upload(manifest, sign(key, manifest), content=b"older", version="3.0.0")


@pytest.mark.django_db
def test_what_expired_after_its_upload_is_not_deployed(key):
    manifest = manifest_for(hardware=(), expires=NOON + timedelta(days=1))
    firmware = upload(manifest, sign(key, manifest))
    device = make_device()

    assert fits(firmware, device, at=NOON) is None
    assert (
        fits(firmware, device, at=NOON + timedelta(days=1)) == "The signature of version 2.0.0 has expired."
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda told: told.pop("size"), "lacks size"),
        (lambda told: told.update(more=1), "more"),
        (lambda told: told.update(version="2"), "version"),
        (lambda told: told.update(version=2), "version"),
        (lambda told: told.update(deviceType="toaster"), "deviceType"),
        (lambda told: told.update(deviceType=[]), "deviceType"),
        (lambda told: told.update(hardware="board"), "hardware"),
        (lambda told: told.update(hardware=[1]), "hardware"),
        (lambda told: told.update(hardware=["a", "a"]), "twice"),
        (lambda told: told.update(size=True), "size"),
        (lambda told: told.update(size=0), "size"),
        (lambda told: told.update(sequence=1.5), "sequence"),
        (lambda told: told.update(sha256="ABC"), "sha256"),
        (lambda told: told.update(expires="tomorrow"), "expires"),
        (lambda told: told.update(expires=5), "expires"),
    ],
)
def test_a_manifest_is_exactly_what_it_should_be(change, why):
    told = json.loads(manifest_for())
    change(told)
    with pytest.raises(BadManifest, match=why):
        read_manifest(json.dumps(told, sort_keys=True, separators=(",", ":")))


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "[" * 100_000, manifest_for().replace(":", ": ")])
def test_what_is_no_canonical_manifest_is_refused(text):
    with pytest.raises(BadManifest):
        read_manifest(text)


def test_a_manifest_is_read_as_it_was_written():
    text = manifest_for(expires=datetime(2027, 1, 31, tzinfo=UTC))
    assert read_manifest(text).text() == text
    assert '"expires":"2027-01-31T00:00:00Z"' in text


@pytest.mark.django_db
def test_keys_are_made_and_files_signed_by_commands(tmp_path, settings):
    settings.FACTORY_DATA = tmp_path / "data"
    private, file = tmp_path / "maker.pem", tmp_path / "sensor.bin"
    file.write_bytes(CONTENT)
    make_firmware(version="1.0.0")
    told = StringIO()

    call_command("firmware_keys", private=private, stdout=told)
    call_command(
        "sign_firmware",
        file,
        "--expires=2099-01-31",
        version="2.0.0",
        device_type="sensor",
        hardware="board-a, board-b",
        key=private,
        stdout=told,
    )

    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert trusted_keys() == [told.getvalue().split("FIRMWARE_PUBLIC_KEYS=")[1].split()[0]]
    manifest = (tmp_path / "sensor.bin.manifest.json").read_text()
    firmware = upload(manifest, (tmp_path / "sensor.bin.sig").read_text())
    assert (firmware.sequence, firmware.hardware) == (2, ["board-a", "board-b"])

    with pytest.raises(CommandError, match="never overwritten"):
        call_command("firmware_keys", private=private)
    with pytest.raises(CommandError, match="semantic"):
        call_command("sign_firmware", file, version="2", device_type="sensor", key=private)
    with pytest.raises(CommandError, match="no private key"):
        call_command("sign_firmware", file, version="2.0.0", device_type="sensor", key=file)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("sign_firmware", tmp_path / "none", version="2.0.0", device_type="sensor", key=private)
