"""Firmware in the configured storage, a local folder or S3: never half a file under a name that counts."""

import hashlib
import os
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import default_storage
from django.utils.translation import gettext

from factory.errors import Unavailable

FOLDER, DRAFTS = "firmware", "firmware/incoming"
CHUNK = 64 * 1024


class StorageTroubled(Unavailable):
    """The storage does not do as it is asked."""

    def __init__(self, error: object) -> None:
        super().__init__(gettext("The storage of the firmware is not available. Try again."), retry_after=30)
        self.error = error


class FileChanged(Exception):
    """What lies in the storage is not what was put there, or nothing does."""


def measured(source: IO[bytes] | File) -> tuple[int, str]:
    """Size and SHA-256 of a file, read piece by piece."""
    digest, size = hashlib.sha256(), 0
    source.seek(0)
    while piece := source.read(CHUNK):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def put(source: IO[bytes] | File, *, size: int, folder: str, stem: str) -> str:
    """Keep a file; returns its name. While it is on its way it has another one, and a break leaves only that."""
    # Its own name each time: who uploads the same at the same moment must not clear away the other's.
    mark = uuid.uuid4().hex
    draft, name = f"{DRAFTS}/{mark}", f"{FOLDER}/{folder}/{stem}-{mark[:12]}.bin"
    try:
        source.seek(0)
        saved = default_storage.save(draft, File(source, name=draft))
        try:
            if saved != draft or default_storage.size(draft) != size:
                raise OSError(f"{draft} did not arrive whole")
            _publish(draft, name)
        except Exception:
            clear(saved)
            raise
    except Exception as error:  # each storage fails in its own way
        raise StorageTroubled(error) from error
    return name


def _publish(draft: str, name: str) -> None:
    """Give what arrived its name, at one stroke."""
    bucket: Any = getattr(default_storage, "bucket", None)
    if bucket is not None:
        bucket.Object(name).copy_from(CopySource={"Bucket": bucket.name, "Key": draft})
        bucket.Object(draft).delete()
        return
    source, target = Path(default_storage.path(draft)), Path(default_storage.path(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    _force_to_disk(source)
    source.rename(target)
    root = Path(default_storage.path(""))
    for place in (parent for parent in target.parents if parent.is_relative_to(root)):
        _force_to_disk(place)


def _force_to_disk(path: Path) -> None:
    """A power cut would otherwise leave a row without its file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def clear(name: str) -> None:
    """Let there be no file of this name; one that cannot be cleared away now is swept later."""
    try:
        default_storage.delete(name)
    except Exception:  # each storage fails in its own way
        return


def names_before(moment: datetime) -> Iterator[str]:
    """Every firmware file that was already there at a moment."""
    folders = [FOLDER]
    while folders:
        folder = folders.pop()
        try:
            inner, names = default_storage.listdir(folder)
        except FileNotFoundError:
            continue
        folders += [f"{folder}/{each}" for each in inner]
        for name in (f"{folder}/{each}" for each in names if each):
            if default_storage.get_modified_time(name) < moment:
                yield name


class Reading:
    """The bytes [start, stop) of a kept file that is `size` bytes long, in pieces; close it when done."""

    def __init__(self, name: str, *, size: int, start: int, stop: int) -> None:
        self._left = stop - start
        bucket: Any = getattr(default_storage, "bucket", None)
        try:
            self._file = _ranged(bucket, name, size, start, stop) if bucket else _opened(name, size, start)
        except FileChanged:
            raise
        except FileNotFoundError:
            raise FileChanged(f"{name} is gone") from None
        except Exception as error:  # each storage fails in its own way
            raise StorageTroubled(error) from error

    def __iter__(self) -> Iterator[bytes]:
        while self._left:
            piece = self._file.read(min(CHUNK, self._left))
            if not piece:
                raise FileChanged("it ended before its size")
            self._left -= len(piece)
            yield piece

    def close(self) -> None:
        self._file.close()


def _opened(name: str, size: int, start: int) -> Any:
    file = default_storage.open(name, "rb")
    if file.size != size:
        file.close()
        raise FileChanged(f"{name} has {file.size} bytes, not {size}")
    file.seek(start)
    return file


def _ranged(bucket: Any, name: str, size: int, start: int, stop: int) -> Any:
    """From S3 only the wanted part comes, and goes through without a file of ours in between."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 -- slow to import, and most plants keep a folder

    try:
        answer = bucket.Object(name).get(Range=f"bytes={start}-{stop - 1}")
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in {404, 416}:
            raise FileChanged(f"{name}: {error}") from None
        raise
    if answer["ContentRange"].rpartition("/")[2] != str(size):
        answer["Body"].close()
        raise FileChanged(f"{name} is {answer['ContentRange']}, not of {size}")
    return answer["Body"]
