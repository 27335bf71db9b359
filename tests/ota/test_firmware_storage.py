"""The storage goes away in the middle of an upload: no version, no half file, and afterwards it works again."""

import threading
from urllib.parse import urlsplit

import pytest
from django.core.files.storage import default_storage

from ota.models import Firmware, UploadedToday
from ota.shelf import StorageTroubled
from tests import services
from tests.builders import make_firmware, make_user
from tests.ota.storing import stored_files, use_storage
from tests.telemetry.test_archive import cut_after

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 8192  # 2 MB
LARGE = bytes(range(256)) * 36864  # 9 MB: S3 gets it in several parts


def nothing_counted():
    return {each.bytes for each in UploadedToday.objects.all()} <= {0}


@pytest.mark.parametrize(("content", "share"), [(CONTENT, 0.5), (LARGE, 0.5), (LARGE, 0.99)])
def test_a_line_that_breaks_leaves_nothing(settings, s3_server, content, share):
    port = urlsplit(s3_server.url).port
    use_storage(settings, s3_server.url)
    default_storage.bucket.objects.all().delete()
    mira = make_user(role="technician")
    with cut_after(port, sent=int(len(content) * share)) as broken:
        use_storage(settings, s3_server.url.replace(str(port), str(broken)))
        with pytest.raises(StorageTroubled) as refused:
            make_firmware(content=content, version="1.0.0", by=mira)
    assert (refused.value.code, refused.value.retry_after) == ("SERVICE_UNAVAILABLE", 30)

    use_storage(settings, s3_server.url)
    assert (Firmware.objects.count(), stored_files("firmware/sensor"), nothing_counted()) == (0, {}, True)
    firmware = make_firmware(content=content, version="1.0.0", by=mira)
    assert stored_files("firmware/sensor") == {firmware.file: content}


def test_a_storage_killed_in_mid_upload_leaves_no_version_and_no_file(settings):
    port = services.free_port()
    with services.s3(port) as bucket:
        use_storage(settings, bucket.url)
        before = make_firmware(version="1.0.0")
        with cut_after(port, sent=10_000_000) as way:
            use_storage(settings, bucket.url.replace(str(port), str(way)))
            stop = threading.Event()

            class Dying:
                """A file that is being read while the server dies."""

                def __init__(self):
                    self.place = 0

                def seek(self, place, whence=0):
                    self.place = {0: place, 1: self.place + place, 2: len(LARGE) + place}[whence]
                    return self.place

                def tell(self):
                    return self.place

                def read(self, size=-1):
                    piece = LARGE[self.place :] if size < 0 else LARGE[self.place : self.place + size]
                    self.place += len(piece)
                    if stop.is_set() and self.place > len(LARGE) // 2:
                        bucket.process.kill()
                        bucket.process.wait()
                    return piece

            from ota import shelf

            stop.set()
            with pytest.raises(StorageTroubled):
                shelf.put(Dying(), size=len(LARGE), folder="sensor", stem="2.0.0")
        with pytest.raises(StorageTroubled):
            make_firmware(version="2.0.0")

    assert [each.pk for each in Firmware.objects.all()] == [before.pk]


def test_a_folder_that_cannot_be_written_is_told_as_a_storage_away(settings, tmp_path):
    (tmp_path / "in-the-way").write_text("a file")
    use_storage(settings, f"file://{tmp_path / 'in-the-way'}")
    with pytest.raises(StorageTroubled):
        make_firmware()
    assert (Firmware.objects.count(), nothing_counted()) == (0, True)
