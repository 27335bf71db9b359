"""The file of a backup: a gzipped tar whose last member, `manifest.json`, tells size and SHA-256 of all others."""

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK = 1024 * 1024


class BadParcel(Exception):
    """This is no backup, or not the whole of one, or not as it was written."""


@dataclass
class Entry:
    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        return {"size": self.size, "sha256": self.sha256}


class Hashing:
    """A file that knows what has been read of it."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source, self.size, self.digest = source, 0, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self.source.read(size)
        self.size += len(piece)
        self.digest.update(piece)
        return piece


@dataclass
class Packer:
    """Writes members one after another; `close` adds what is known of them and of the whole."""

    tar: tarfile.TarFile
    entries: dict[str, Entry] = field(default_factory=dict)

    def add(self, name: str, source: Path) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = source.stat().st_size, 0o600
        with source.open("rb") as opened:
            hashing = Hashing(opened)
            self.tar.addfile(info, hashing)
        self.entries[name] = Entry(hashing.size, hashing.digest.hexdigest())

    def close(self, about: dict[str, Any], scratch: Path) -> None:
        told = {name: entry.as_json() for name, entry in self.entries.items()}
        manifest = scratch / MANIFEST
        manifest.write_text(json.dumps({"format": FORMAT, **about, "entries": told}, indent=1))
        self.add(MANIFEST, manifest)


@contextmanager
def packing(target: IO[bytes]) -> Iterator[Packer]:
    with (
        gzip.GzipFile(fileobj=target, mode="wb", compresslevel=1) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as tar,
    ):
        yield Packer(tar)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as reason:
        raise BadParcel(f"{file} is no backup, or not the whole of one: {reason}.") from None


def members(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Each member's name and content, in order."""
    with _readable(file), gzip.open(file, "rb") as zipped, tarfile.open(fileobj=zipped, mode="r|") as tar:
        for info in tar:
            content = tar.extractfile(info) if info.isfile() else None
            if content is None:
                raise BadParcel(f"{info.name} is no plain file.")
            yield info.name, content


def checked(file: Path) -> dict[str, Any]:
    """The manifest of a backup that is whole and as it was written."""
    found: dict[str, Entry] = {}
    manifest: dict[str, Any] | None = None
    for name, content in members(file):
        if manifest is not None or name in found:
            raise BadParcel(f"{name} is once too often in {file}.")
        if name == MANIFEST:
            manifest = _read_manifest(content.read(), file)
            continue
        hashing = Hashing(content)
        with _readable(file):
            while hashing.read(CHUNK):
                pass
        found[name] = Entry(hashing.size, hashing.digest.hexdigest())
    if manifest is None:
        raise BadParcel(f"{file} is no backup, or not the whole of one: it has no {MANIFEST}.")
    told = manifest["entries"]
    for name in sorted(told.keys() | found.keys()):
        if name not in found or told.get(name) != found[name].as_json():
            raise BadParcel(f"{name} in {file} is not as it was written.")
    return manifest


def _read_manifest(content: bytes, file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
        entries_are_there = isinstance(manifest["entries"], dict)
        known = manifest["format"]
    except (ValueError, TypeError, KeyError):
        raise BadParcel(f"The {MANIFEST} of {file} cannot be read.") from None
    if known != FORMAT or not entries_are_there:
        raise BadParcel(f"{file} is a backup of another format ({known!r}); this version reads {FORMAT}.")
    return manifest
