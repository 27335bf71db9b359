"""Versions of firmware: uploaded, numbered, refused in words, withdrawn."""

import hashlib
import threading
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import connection
from django.utils import timezone

from factory.errors import DomainError, InvalidInput
from ota.fitting import fits
from ota.markdown import rendered
from ota.models import Firmware, UploadedToday
from ota.queries.firmware import find_version, firmware_matching
from ota.services.deployments import deploy
from ota.services.firmware import (
    FirmwareInUse,
    FirmwareMoved,
    FirmwareThere,
    delete_firmware,
    edit_firmware,
    register_external,
    upload_firmware,
    withdraw_firmware,
)
from ota.services.quota import MB, UploadTooLarge
from ota.services.sweeping import sweep_orphans
from ota.versions import is_newer, why_no_version
from tests.builders import NOON, make_device, make_firmware, make_user
from tests.ota.storing import stored_files

pytestmark = pytest.mark.django_db
FAR = timezone.now() + timedelta(days=3650)


def test_size_checksum_and_number_are_ours(storage, django_assert_num_queries):
    content = bytes(range(256)) * 1000

    first = make_firmware(content=content, version="1.0.0")
    second = make_firmware(version="0.9.0")
    other = make_firmware(version="1.0.0", device_type="gateway", content=content)

    first = Firmware.objects.get(pk=first.pk)
    assert (first.size, first.checksum) == (256_000, hashlib.sha256(content).hexdigest())
    assert [first.sequence, second.sequence, other.sequence] == [1, 2, 1]
    assert stored_files()[first.file] == content
    assert len({name for name in stored_files() if name.startswith("firmware/incoming")}) == 0
    assert find_version("sensor", "1.0.0") == first
    assert find_version("sensor", "1.0.1") is None


@pytest.mark.parametrize("version", ["1.0.0", "2.10.0-rc.1", "0.0.1+build.7", "1.2.3-alpha-b.0.x+exp.sha"])
def test_semantic_versions_are_taken(version):
    assert why_no_version(version) is None


@pytest.mark.parametrize(
    "version",
    ["", "1", "1.0", "v1.0.0", "1.0.0 ", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0\n", "1.0.0-ü", "1" * 65],
)
def test_others_are_refused(version):
    with pytest.raises(InvalidInput) as refused:
        make_firmware(version=version or " ")
    assert list(refused.value.fields) == ["version"]


def test_versions_are_compared_by_their_numbers():
    assert is_newer("2.10.0", than="2.9.9")
    assert is_newer("2.0.0", than="2.0.0-rc.1")
    assert not is_newer("2.0.0", than="2.0.0")
    assert is_newer("0.0.1", than="as delivered")
    assert not is_newer("as delivered", than="0.0.1")


def test_the_same_version_or_content_twice_is_a_conflict_in_words():
    make_firmware(version="1.0.0", content=b"one")
    with pytest.raises(FirmwareThere, match=r"Version 1\.0\.0 for sensors is there already"):
        make_firmware(version="1.0.0", content=b"two")
    with pytest.raises(FirmwareThere, match=r"as version 1\.0\.0"):
        make_firmware(version="1.0.1", content=b"one")
    assert len(stored_files()) == 1


def test_an_empty_file_is_refused():
    with pytest.raises(InvalidInput, match="empty"):
        upload_firmware(file=BytesIO(), version="1.0.0", device_type="sensor", by=make_user(), at=NOON)


def test_a_file_and_a_day_have_their_limits(settings):
    settings.UPLOAD_FILE_MB, settings.UPLOAD_DAY_MB = 1, 2
    mira, jonas = make_user(role="technician"), make_user(role="technician")
    with pytest.raises(UploadTooLarge) as refused:
        make_firmware(content=b"x" * (MB + 1), by=mira)
    assert refused.value.code == "PAYLOAD_TOO_LARGE"
    make_firmware(content=b"1" * MB, by=mira)
    with pytest.raises(FirmwareThere):
        make_firmware(content=b"1" * MB, by=mira)
    make_firmware(content=b"2" * MB, by=mira)

    with pytest.raises(UploadTooLarge, match="2 MB a day"):
        make_firmware(content=b"3", by=mira)
    make_firmware(content=b"3", by=jonas)
    make_firmware(content=b"4", by=mira, at=NOON + timedelta(days=1))

    today = UploadedToday.objects.filter(day=NOON.date())
    assert {each.user_id: each.bytes for each in today} == {mira.pk: 2 * MB, jonas.pk: 1}
    assert Firmware.objects.count() == 4


def test_release_notes_and_the_stable_flag_may_change_and_hardware_of_what_is_not_signed():
    firmware = make_firmware(release_notes="first")

    edit_firmware(firmware=firmware, release_notes="second", is_stable=True, hardware=["board-a"])

    again = Firmware.objects.get(pk=firmware.pk)
    assert (again.release_notes, again.is_stable, again.hardware) == ("second", True, ["board-a"])
    with pytest.raises(InvalidInput, match="releaseNotes"):
        edit_firmware(firmware=firmware, release_notes="x" * 20_001)
    with pytest.raises(InvalidInput, match="hardware"):
        edit_firmware(firmware=firmware, hardware=["<b>"])


def test_a_withdrawn_version_is_offered_to_nobody_and_its_updates_are_stopped():
    firmware, kept, mira = make_firmware(), make_firmware(), make_user(role="technician")
    deployment = deploy(device=make_device(), firmware=firmware, at=NOON)

    withdraw_firmware(firmware=firmware, because=" Overheats. ", by=mira, at=NOON)

    assert (firmware.withdrawn_at, firmware.withdrawn_because) == (NOON, "Overheats.")
    assert list(firmware_matching()) == [kept]
    assert list(firmware_matching(include_withdrawn=True)) == [kept, firmware]
    deployment.refresh_from_db()
    assert deployment.status == "cancelled"
    assert fits(firmware, make_device()) == f"Version {firmware.version} was withdrawn."
    with pytest.raises(FirmwareMoved):
        withdraw_firmware(firmware=firmware, because="Again.", by=mira, at=NOON)
    for because in ("", "  ", "x" * 301):
        with pytest.raises(InvalidInput, match="because"):
            withdraw_firmware(firmware=kept, because=because, by=mira, at=NOON)


def test_only_what_was_never_deployed_is_deleted(django_capture_on_commit_callbacks):
    used, unused = make_firmware(), make_firmware()
    deploy(device=make_device(), firmware=used, at=NOON)

    with pytest.raises(FirmwareInUse, match="withdraw it instead"):
        delete_firmware(firmware=used)
    with django_capture_on_commit_callbacks(execute=True):
        delete_firmware(firmware=unused)

    assert list(Firmware.objects.all()) == [used]
    assert list(stored_files()) == [used.file]


@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"url": "javascript:alert(1)"}, "fileUrl"),
        ({"url": "ftp://files.example/x"}, "fileUrl"),
        ({"url": "https://"}, "fileUrl"),
        ({"url": "https://files.example/a b"}, "fileUrl"),
        ({"url": "https://files.example:port/"}, "fileUrl"),
        ({"url": "https://user:password@files.example/x.bin"}, "fileUrl"),
        ({"checksum": "12"}, "checksum"),
        ({"size": 0}, "fileSize"),
        ({"version": "1"}, "version"),
        ({"device_type": "toaster"}, "deviceType"),
        ({"hardware": ["x" * 65]}, "hardware"),
    ],
)
def test_a_file_kept_elsewhere_is_registered_with_what_it_must_be(about, field):
    good = {
        "url": "https://files.example/x.bin",
        "size": 3,
        "checksum": "AB" * 32,
        "version": "1.0.0",
        "device_type": "sensor",
        "by": make_user(),
        "at": NOON,
    }
    with pytest.raises(InvalidInput) as refused:
        register_external(**{**good, **about})
    assert list(refused.value.fields) == [field]

    firmware = register_external(**good)
    assert (firmware.url, firmware.file, firmware.checksum) == (good["url"], "", "ab" * 32)


def test_hardware_decides_whether_it_fits():
    firmware = make_firmware(version="1.0.0", hardware=["board-a", "board-b"])

    assert fits(firmware, make_device(metadata={"hardware": "board-b"})) is None
    assert "not board-c" in fits(firmware, make_device(metadata={"hardware": "board-c"}))
    assert "does not say" in fits(firmware, make_device(metadata={"hardware": ["board-a"]}))
    assert fits(firmware, make_device(type="gateway")) == "Version 1.0.0 is for sensors."


def test_files_of_no_version_are_swept_when_they_are_old(storage):
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    kept = make_firmware()
    default_storage.save("firmware/incoming/half", ContentFile(b"ha"))
    default_storage.save("firmware/sensor/9.9.9-none.bin", ContentFile(b"whole"))

    assert sweep_orphans(at=timezone.now()) == 0
    assert sweep_orphans(at=FAR) == 2

    assert kept.file in stored_files()
    assert {"firmware/incoming/half", "firmware/sensor/9.9.9-none.bin"} & stored_files().keys() == set()


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# New\n\n- *faster*", "<h1>New</h1>\n<ul>\n<li><em>faster</em></li>\n</ul>\n"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>\n"),
        ("[a](JaVaScRiPt&#58;alert(1))", "<p>[a](JaVaScRiPt:alert(1))</p>\n"),
        ("[a](data:text/html,x)", "<p>[a](data:text/html,x)</p>\n"),
        ("[a](//evil.example)", "<p>[a](//evil.example)</p>\n"),
        (
            "[a](https://x.example/?q=\"'<>)",
            '<p><a href="https://x.example/?q=%22\'%3C%3E" rel="nofollow noopener noreferrer">a</a></p>\n',
        ),
        (
            "<http://x.example>",
            '<p><a href="http://x.example" rel="nofollow noopener noreferrer">http://x.example</a></p>\n',
        ),
        ("<javascript:alert(1)>", "<p>&lt;javascript:alert(1)&gt;</p>\n"),
    ],
)
def test_release_notes_are_shown_without_anything_that_could_act(text, html):
    assert rendered(text) == html


def test_a_picture_in_release_notes_is_not_fetched():
    assert "<img" not in rendered("![x](https://evil.example/track.png)")


def together(*works):
    """Run these at the same time, each with a database connection of its own; what each returned or raised."""
    gate, told = threading.Barrier(len(works)), [None] * len(works)

    def run(place, work):
        gate.wait()
        try:
            told[place] = work()
        except Exception as error:
            told[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


@pytest.mark.django_db(transaction=True)
def test_of_many_uploads_at_once_each_gets_its_own_number():
    mira = make_user(role="technician")
    works = [lambda n=n: make_firmware(version=f"1.0.{n}", content=b"%d" % n, by=mira) for n in range(8)]

    told = together(*works)

    assert sorted(each.sequence for each in told) == list(range(1, 9))
    assert UploadedToday.objects.get().bytes == 8


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", ["version", "content"])
def test_of_two_who_upload_the_same_one_is_refused_and_leaves_nothing(same):
    mira = make_user(role="technician")
    works = [
        lambda n=n: make_firmware(
            version="1.0.0" if same == "version" else f"1.0.{n}",
            content=b"same" if same == "content" else b"%d" % n,
            by=mira,
        )
        for n in range(4)
    ]

    told = together(*works)

    assert sorted(type(each).__name__ for each in told) == ["Firmware", *["FirmwareThere"] * 3]
    assert [Firmware.objects.get().file] == list(stored_files())
    assert UploadedToday.objects.get().bytes == Firmware.objects.get().size


@pytest.mark.django_db(transaction=True)
def test_two_cannot_take_the_same_rest_of_a_day(settings):
    settings.UPLOAD_DAY_MB = 1
    mira = make_user(role="technician")
    half = b"x" * (MB // 2)
    works = [
        lambda n=n: make_firmware(version=f"1.0.{n}", content=half + b"%d" % n, by=mira) for n in range(4)
    ]

    told = together(*works)

    refused = [each for each in told if isinstance(each, DomainError)]
    assert [each.code for each in refused] == ["PAYLOAD_TOO_LARGE"] * 3
    assert len(stored_files()) == Firmware.objects.count() == 1
