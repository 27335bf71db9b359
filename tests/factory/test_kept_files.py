"""The stored files of a plant in a backup, those that come and change meanwhile too; in a folder and on S3."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from factory.safekeeping import files, parcel, plant
from tests import services
from tests.ota.storing import use_storage


@pytest.fixture(scope="module")
def s3_server():
    with services.s3() as bucket:
        yield bucket


@pytest.fixture(params=["folder", "s3"])
def _storage(request, settings, tmp_path):
    folder = f"file://{tmp_path / 'storage'}"
    use_storage(settings, request.getfixturevalue("s3_server").url if request.param == "s3" else folder)
    settings.FACTORY_DATA = tmp_path


def keep(name, content):
    default_storage.delete(name)
    assert default_storage.save(name, ContentFile(content)) == name


def content_of(name):
    with default_storage.open(name) as file:
        return file.read()


def contents():
    return {name: content_of(name) for name in files.stored()}


def clear():
    for name in files.stored():
        default_storage.delete(name)


@pytest.mark.usefixtures("_storage")
def test_a_file_is_backed_up_as_it_was_when_the_database_was_copied_or_later(tmp_path):
    clear()
    keep("firmware/stays.bin", b"1" * 100_000)
    keep("readings/2026/06/grows.parquet", b"short")
    keep("reports/goes/report.pdf", b"gone by then")
    file, scratch = tmp_path / "backup.tar.gz", tmp_path / "scratch"
    scratch.mkdir()

    with file.open("wb") as target, parcel.packing(target) as packer:
        seen = plant.add_stored(packer, {}, scratch)
        keep("readings/2026/06/grows.parquet", b"much longer than it was")
        keep("firmware/comes.bin", b"2")
        default_storage.delete("reports/goes/report.pdf")
        after = contents()
        plant.add_stored(packer, seen, scratch)
        packer.close({"madeAt": ""}, scratch)
    entries = parcel.checked(file)["entries"]
    clear()
    plant.put_back(source=file, entries=entries, database=tmp_path / "database")

    assert contents() == {**after, "reports/goes/report.pdf": b"gone by then"}  # swept later
    assert sorted(entries) == [
        "again/readings/2026/06/grows.parquet",
        "storage/firmware/comes.bin",
        "storage/firmware/stays.bin",
        "storage/readings/2026/06/grows.parquet",
        "storage/reports/goes/report.pdf",
    ]


@pytest.mark.parametrize("name", ["../outside", "keys/../../outside"])
def test_no_key_leaves_the_data_folder(settings, tmp_path, name):
    settings.FACTORY_DATA = tmp_path / "data"
    source = tmp_path / "key"
    source.write_text("x")
    with source.open("rb") as content, pytest.raises(files.StorageTroubled):
        files.keep_key(name, content)
    assert not (tmp_path / "outside").exists()
