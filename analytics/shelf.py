"""The files of reports, in the configured storage under names that nobody can guess."""

import contextlib
import secrets

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext

from factory.errors import NotFound, Unavailable

FOLDER = "reports"
PAGE, PRINT, TABLE, PDF = "report.html", "print.html", "report.csv", "report.pdf"
NAMES = (PAGE, PRINT, TABLE, PDF)


class FileGone(NotFound):
    """The report's file is not there any more."""


class StorageTroubled(Unavailable):
    """The storage does not do as it is asked."""

    def __init__(self) -> None:
        super().__init__(gettext("The storage of reports is not available. Try again."), retry_after=30)


def new_folder() -> str:
    return f"{FOLDER}/{secrets.token_urlsafe(24)}"


def put(folder: str, name: str, content: bytes) -> None:
    """Keep a file; one of the same name is replaced."""
    wanted = f"{folder}/{name}"
    try:
        default_storage.delete(wanted)
        saved = default_storage.save(wanted, ContentFile(content))
        if saved != wanted:
            default_storage.delete(saved)
            raise OSError(f"{wanted} was there already")
    except Exception as error:  # each storage fails in its own way
        raise StorageTroubled from error


def get(folder: str, name: str) -> bytes:
    """A whole file; they are of some megabytes at most."""
    try:
        with default_storage.open(f"{folder}/{name}", "rb") as file:
            return bytes(file.read())
    except FileNotFoundError:
        raise FileGone(gettext("This file of the report is not there any more.")) from None
    except Exception as error:  # each storage fails in its own way
        raise StorageTroubled from error


def clear(folder: str) -> None:
    """Let there be no file of a report; what cannot be cleared away now stays behind."""
    for name in NAMES:
        with contextlib.suppress(Exception):  # each storage fails in its own way
            default_storage.delete(f"{folder}/{name}")
    with contextlib.suppress(Exception):  # a folder is left on disk, and S3 knows none
        default_storage.delete(folder)
