"""What an archive would grow to on a device that unpacks it: a few kB that become gigabytes are no firmware.

Nothing is kept of what is unpacked, and no more is unpacked than it takes to know. Archives inside of archives are
opened too, in a temporary file that is never larger than what may be unpacked.
"""

import bz2
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

CHUNK = 64 * 1024
FREELY = 32 * 1024 * 1024  # may come of anything: images of flash are mostly empty, and shrink to nothing
MEMORY = 128 * 1024 * 1024  # for xz, which lets its maker choose how much
TIMES = 100  # and so many times the file's own size
DEEPEST = 3  # archives inside of each other
MOST_ENTRIES = 10_000


class Bomb(Exception):
    """It would grow beyond measure."""


@dataclass
class Allowance:
    """How many bytes may still come out."""

    left: int

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Bomb


def is_bomb(file: IO[bytes], *, size: int) -> bool:
    """Judged from its beginning, and the file stands at its beginning again afterwards."""
    try:
        _weigh(file, Allowance(FREELY + TIMES * size), depth=0)
    except Bomb:
        return True
    finally:
        file.seek(0)
    return False


def _weigh(file: IO[bytes], allowance: Allowance, *, depth: int) -> None:
    file.seek(0)
    head = file.read(6)
    file.seek(0)
    unpacker = _unpacker(head)
    if unpacker is None and not head.startswith(b"PK"):
        return
    if depth >= DEEPEST:
        raise Bomb
    if unpacker is None:
        _weigh_zip(file, allowance, depth)
    else:
        with tempfile.TemporaryFile() as inner:
            _inflate(file, inner, unpacker, allowance)
            _weigh(inner, allowance, depth=depth + 1)


class _Gzip:
    """zlib's decompressor in the manner of the other two, which keep what they were given and have not read."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data


def _unpacker(head: bytes) -> Callable[[], Any] | None:
    if head.startswith(b"\x1f\x8b"):
        return _Gzip
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor
    if head.startswith(b"\xfd7zXZ\x00"):
        return lambda: lzma.LZMADecompressor(memlimit=MEMORY)
    return None


def _inflate(file: IO[bytes], target: IO[bytes], unpacker: Callable[[], Any], allowance: Allowance) -> None:
    """Member after member, a piece at a time."""
    weighing = _Weighing(target, allowance)
    unpack, piece = unpacker(), file.read(CHUNK)
    try:
        while piece or not unpack.needs_input:
            weighing.write(unpack.decompress(piece, CHUNK))
            if unpack.eof:
                piece, unpack = unpack.unused_data or file.read(CHUNK), unpacker()
            else:
                piece = file.read(CHUNK) if unpack.needs_input else b""
    except lzma.LZMAError as error:
        if "Memory usage limit" in str(error):  # it has no class of its own
            raise Bomb from None
    except (OSError, EOFError, ValueError, zlib.error):
        pass  # no archive from here on: what came out of it is weighed


def _weigh_zip(file: IO[bytes], allowance: Allowance, depth: int) -> None:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, OverflowError):
        return
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise Bomb
    promised = Allowance(allowance.left)
    for entry in entries:
        promised.spend(entry.file_size)
    for entry in entries:
        with tempfile.TemporaryFile() as inner:
            try:
                with archive.open(entry) as packed:
                    # As much as was promised and no more: zipfile stops there, whatever the data goes on to be.
                    shutil.copyfileobj(packed, _Weighing(inner, allowance), CHUNK)
            except Bomb:
                raise
            except Exception:  # broken, encrypted, or packed in a way that is not known here
                continue
            _weigh(inner, allowance, depth=depth + 1)


@dataclass
class _Weighing:
    target: IO[bytes]
    allowance: Allowance

    def write(self, piece: bytes) -> int:
        self.allowance.spend(len(piece))
        return self.target.write(piece)
