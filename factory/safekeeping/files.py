"""The files of a plant: what lies in the configured storage, and the keys in the data folder."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

CHUNK = 1024 * 1024
KEYS = ("mqtt_password", "firmware_keys")  # beside the secret key, wherever that comes from
SECRET_KEY = "secret_key"
FALLBACKS = "secret_key_fallbacks"  # keys of before, one a line


class StorageTroubled(Exception):
    """The storage holds what it should not, or does not do as it is asked."""


@dataclass(frozen=True)
class Seen:
    """A stored file as it was seen; another size or time means another content."""

    size: int
    changed: datetime


def stored() -> dict[str, Seen]:
    """Everything in the storage, by name."""
    found, folders = {}, [""]
    while folders:
        folder = folders.pop()
        try:
            inner, names = default_storage.listdir(folder)
        except FileNotFoundError:  # nothing was ever stored, or it went just now
            continue
        prefix = f"{folder}/" if folder else ""
        folders += [prefix + each for each in inner]
        for name in (prefix + each for each in names if each):
            try:
                found[name] = Seen(default_storage.size(name), default_storage.get_modified_time(name))
            except FileNotFoundError:
                continue
    return found


def fetch(name: str, target: Path) -> bool:
    """Copy a stored file; False when it has gone meanwhile."""
    try:
        with default_storage.open(name, "rb") as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, CHUNK)
    except FileNotFoundError:
        return False
    return True


def store(name: str, source: IO[bytes]) -> None:
    """Store a file under exactly this name, which is free."""
    with tempfile.TemporaryFile(
        dir=settings.FACTORY_DATA
    ) as copy:  # S3 goes back and forth in what it is given
        shutil.copyfileobj(source, copy, CHUNK)
        copy.seek(0)
        saved = default_storage.save(name, File(copy, name=name))
    if saved != name:
        default_storage.delete(saved)
        raise StorageTroubled(f"{name} is in the storage already.")


def kept_keys() -> Iterator[tuple[str, Path]]:
    """The files of the data folder that cannot be made again, by their names in it."""
    for name in KEYS:
        place = Path(settings.FACTORY_DATA) / name
        if place.is_file():
            yield name, place
        elif place.is_dir():
            for inner in sorted(each for each in place.rglob("*") if each.is_file()):
                yield str(inner.relative_to(settings.FACTORY_DATA)), inner


def keep_key(name: str, source: IO[bytes]) -> None:
    """Put a key back where it was, for its owner only."""
    place = Path(settings.FACTORY_DATA) / name
    if not place.resolve().is_relative_to(Path(settings.FACTORY_DATA).resolve()):
        raise StorageTroubled(f"{name} is outside of the data folder.")
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = place.with_name(place.name + ".restored")
    draft.touch(mode=0o600)
    with draft.open("wb") as copy:
        shutil.copyfileobj(source, copy, CHUNK)
    draft.replace(place)
