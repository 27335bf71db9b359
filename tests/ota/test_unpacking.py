"""Archives that would fill a device, and firmware that only looks a little like one."""

import bz2
import gzip
import io
import lzma
import random

import pytest

from ota.unpacking import CHUNK, is_bomb
from tests.ota.archives import MB, promising, zipped


def until_the_end_of_a_piece() -> bytes:
    """A member of bzip2 that comes to several pieces, and ends where a piece that is read ends."""
    rng, size = random.Random(1), CHUNK
    while (missing := CHUNK - len(member := bz2.compress(bytes(200_000) + rng.randbytes(size)))) != 0:
        size += missing // 2 or (1 if missing > 0 else -1)
    return member


LARGE = bytes(6 * MB)
MUCH_MEMORY = {"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 256 * MB}
BOMBS = {
    "zip": lambda: zipped(LARGE),
    "many entries": lambda: zipped(*[bytes(2 * MB)] * 3),
    "promises": lambda: promising(2**31),
    "gzip": lambda: gzip.compress(LARGE, 9),
    "gzip, member after member": lambda: gzip.compress(bytes(MB), 9) * 6,
    "bzip2": lambda: bz2.compress(LARGE),
    "bzip2, a member at the end of a piece": lambda: (
        until_the_end_of_a_piece() + bz2.compress(bytes(30 * MB))
    ),
    "xz": lambda: lzma.compress(LARGE),
    "xz that wants much memory": lambda: lzma.compress(LARGE, filters=[MUCH_MEMORY]),
    "a zip in a zip": lambda: zipped(zipped(LARGE)),
    "a gzip in a gzip": lambda: gzip.compress(gzip.compress(LARGE)),
    "without end": lambda: gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x")))),
}
FINE = {
    "no archive": bytes(1000),
    "an empty flash": gzip.compress(bytes(MB)),
    "a zip with a gzip": zipped(b"readme", gzip.compress(b"firmware" * 1000)),
    "half a gzip": gzip.compress(b"firmware" * 1000)[:20],
    "half a zip": zipped(b"firmware")[:30],
    "a letter that says PK": b"PK\x03\x04 is not all it takes",
    "xz": lzma.compress(b"firmware" * 1000),
}


@pytest.fixture(autouse=True)
def _little_comes_freely(monkeypatch):
    monkeypatch.setattr("ota.unpacking.FREELY", 2 * MB)


@pytest.mark.parametrize("name", BOMBS)
def test_an_archive_that_grows_beyond_measure_is_known(name):
    content = BOMBS[name]()
    file = io.BytesIO(content)

    assert len(content) < 100_000
    assert is_bomb(file, size=len(content))
    assert file.tell() == 0


@pytest.mark.parametrize("name", FINE)
def test_firmware_is_not_taken_for_one(name):
    assert not is_bomb(io.BytesIO(FINE[name]), size=len(FINE[name]))
