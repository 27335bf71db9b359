"""A backup is whole and as it was written, or it is refused."""

import gzip
import io
import json
import random
import tarfile

import pytest

from factory.safekeeping import parcel


def pack(tmp_path, **contents):
    file, scratch = tmp_path / "backup.tar.gz", tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    with file.open("wb") as target, parcel.packing(target) as packer:
        for name, content in contents.items():
            place = scratch / "content"
            place.write_bytes(content)
            packer.add(f"storage/{name}", place)
        packer.close({"madeAt": "2026-06-01T00:00:00+00:00"}, scratch)
    return file


def plain_tar(tmp_path, *members):
    """A tar with these (name, content), or a link where the content is none."""
    file = tmp_path / "other.tar.gz"
    with gzip.open(file, "wb") as zipped, tarfile.open(fileobj=zipped, mode="w|") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
    return file


def test_what_was_packed_comes_out(tmp_path):
    file = pack(tmp_path, one=b"1" * 3_000_000, none=b"")

    assert {name: entry["size"] for name, entry in parcel.checked(file)["entries"].items()} == {
        "storage/one": 3_000_000,
        "storage/none": 0,
    }
    assert [(name, len(content.read())) for name, content in parcel.members(file)][:2] == [
        ("storage/one", 3_000_000),
        ("storage/none", 0),
    ]


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_half_a_backup_is_refused(tmp_path, kept):
    file = pack(tmp_path, one=random.Random(7).randbytes(200_000))
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])

    with pytest.raises(parcel.BadParcel):
        parcel.checked(file)


def test_a_changed_byte_is_noticed_even_where_the_packing_does_not(tmp_path):
    manifest = {"format": 1, "entries": {"storage/one": {"size": 3, "sha256": "0" * 64}}}
    file = plain_tar(tmp_path, ("storage/one", b"abc"), ("manifest.json", json.dumps(manifest).encode()))

    with pytest.raises(parcel.BadParcel, match=r"storage/one in .* is not as it was written"):
        parcel.checked(file)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("storage/one", b"abc")], "no manifest.json"),
        ([("manifest.json", b"{")], "cannot be read"),
        ([("manifest.json", b"[]")], "cannot be read"),
        ([("manifest.json", b'{"format": 2, "entries": {}}')], "another format"),
        ([("manifest.json", b'{"format": 1, "entries": {}}'), ("late", b"x")], "once too often"),
        ([("manifest.json", b'{"format": 1, "entries": {"gone": {}}}')], "gone in"),
        ([("link", None), ("manifest.json", b'{"format": 1, "entries": {}}')], "no plain file"),
    ],
)
def test_what_is_no_backup_of_ours_is_refused(tmp_path, members, words):
    with pytest.raises(parcel.BadParcel, match=words):
        parcel.checked(plain_tar(tmp_path, *members))


def test_a_file_of_another_kind_is_refused(tmp_path):
    file = tmp_path / "holiday.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0 no backup at all" * 100)

    with pytest.raises(parcel.BadParcel, match="is no backup"):
        parcel.checked(file)
