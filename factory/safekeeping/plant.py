"""A whole plant into a file, and back.

The order is what makes a backup of a running plant consistent: first the files, then the database as of one moment,
then what files came in between. Whatever the database names is there then: a file that was there at that moment is
either among the first, or came after them. What went in between is in the backup without a row, and swept later.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from factory.safekeeping import databases, files, parcel

DATABASE = "database"
STORAGE, KEYS = "storage/", "keys/"
AGAIN = "again/"  # stored files that changed while the database was being copied


class CannotRestore(Exception):
    """This backup does not go into this place."""


@dataclass(frozen=True)
class Done:
    """What a backup holds."""

    files: int
    bytes: int


def back_up(*, target: IO[bytes], scratch: Path, at: datetime, with_storage: bool = True) -> Done:
    """Write a backup of the plant as it is now, while it runs.

    `scratch` is an empty folder with room for the database and for the largest stored file.
    """
    with parcel.packing(target) as packer:
        seen = add_stored(packer, {}, scratch) if with_storage else {}
        copy = scratch / DATABASE
        databases.copy_to(copy)
        packer.add(DATABASE, copy)
        copy.unlink()
        if with_storage:
            add_stored(packer, seen, scratch)
        add_secret_keys(packer, scratch)
        for name, place in files.kept_keys():
            packer.add(KEYS + name, place)
        packer.close(_about(at, with_storage), scratch)
    told = packer.entries.values()
    return Done(files=len(told), bytes=sum(entry.size for entry in told))


def add_stored(packer: parcel.Packer, seen: dict[str, files.Seen], scratch: Path) -> dict[str, files.Seen]:
    """Add what is not seen yet, or has changed since; what has changed goes before what it was."""
    now = files.stored()
    for name, about in sorted(now.items()):
        if seen.get(name) == about:
            continue
        copy = scratch / "file"
        if files.fetch(name, copy):
            packer.add((STORAGE if name not in seen else AGAIN) + name, copy)
    return now


def add_secret_keys(packer: parcel.Packer, scratch: Path) -> None:
    """The key in force, and those by which is still read what was sealed before: wherever they came from."""
    found = {files.SECRET_KEY: settings.SECRET_KEY, files.FALLBACKS: "\n".join(settings.SECRET_KEY_FALLBACKS)}
    for name, text in found.items():
        if text:
            secret = scratch / name
            secret.write_text(text)
            packer.add(KEYS + name, secret)


def _about(at: datetime, with_storage: bool) -> dict[str, Any]:
    return {
        "madeAt": at.isoformat(),
        "version": settings.VERSION,
        "database": databases.kind(),
        "storage": with_storage,
        "migrations": sorted(".".join(each) for each in MigrationLoader(connection).applied_migrations),
    }


def restore(*, source: Path, say: Callable[[str], None]) -> None:
    """Bring a plant back into an empty database, an empty storage and a data folder that nobody uses."""
    manifest = parcel.checked(source)
    say(f"{source} is whole: made at {manifest['madeAt']} by version {manifest['version']}.")
    _refuse_other_place(manifest)
    Path(settings.FACTORY_DATA).mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = Path(settings.FACTORY_DATA) / "database.restored"
    try:
        put_back(source=source, entries=manifest["entries"], database=draft)
        say("Keys and files are back.")
        databases.fill_from(draft)
    finally:
        draft.unlink(missing_ok=True)
    say("The database is back.")
    call_command("migrate", interactive=False, verbosity=0)  # a backup may be of an older version


def put_back(*, source: Path, entries: Iterable[str], database: Path) -> None:
    """Files into the storage, keys into the data folder, and the database into a file of its own."""
    changed = {name.removeprefix(AGAIN) for name in entries if name.startswith(AGAIN)}
    for name, content in parcel.members(source):
        if name == DATABASE:
            database.touch(mode=0o600)
            with database.open("wb") as copy:
                shutil.copyfileobj(content, copy, files.CHUNK)
        elif name.startswith(AGAIN):
            files.store(name.removeprefix(AGAIN), content)
        elif name.startswith(STORAGE) and (inner := name.removeprefix(STORAGE)) not in changed:
            files.store(inner, content)
        elif name.startswith(KEYS):
            files.keep_key(name.removeprefix(KEYS), content)


def _refuse_other_place(manifest: dict[str, Any]) -> None:
    if manifest["database"] != databases.kind():
        raise CannotRestore(
            f"This is a backup of a {manifest['database']} database, and DATABASE_URL names a {databases.kind()} one."
        )
    if not databases.is_empty():
        raise CannotRestore("The database is not empty. Restore into a new one.")
    if manifest["storage"] and files.stored():
        raise CannotRestore("The storage is not empty. Restore into a new one.")
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    known, rooms = loader.disk_migrations, {room for room, _ in loader.disk_migrations}
    for room, _, name in (each.partition(".") for each in manifest["migrations"]):
        if room in rooms and (room, name) not in known:
            raise CannotRestore(
                f"This backup was made by a newer version ({manifest['version']}): {room}.{name} is not known here."
            )
