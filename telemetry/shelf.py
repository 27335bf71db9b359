"""Files on the configured storage: a local folder or S3. What is put there is on its disk, or it was not put."""

import os
import shutil
from pathlib import Path

from django.core.files import File
from django.core.files.storage import default_storage

CHUNK = 1024 * 1024


class ShelfTroubled(Exception):
    """The storage did not do as it was asked."""


def put(name: str, source: Path) -> None:
    """Copy a file to the storage under exactly this name, which is free."""
    with source.open("rb") as file:
        saved = default_storage.save(name, File(file))
    if saved != name:
        raise ShelfTroubled(f"{name} was stored as {saved}: is somebody else writing there?")
    _force_to_disk(name)


def fetch(name: str, target: Path) -> None:
    """Copy a file from the storage."""
    with default_storage.open(name, "rb") as stored, target.open("wb") as file:
        shutil.copyfileobj(stored, file, CHUNK)


def clear(name: str) -> None:
    """Let there be no file of this name."""
    if default_storage.exists(name):
        default_storage.delete(name)


def _force_to_disk(name: str) -> None:
    """A local file may sit in memory only, and a power cut would take it after its readings are gone."""
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:  # it is somewhere else, and was acknowledged there
        return
    root = Path(default_storage.path(""))
    for place in (path, *(parent for parent in path.parents if parent.is_relative_to(root))):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
