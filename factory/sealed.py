"""Secrets that we must be able to read again, sealed for the database: Fernet under keys made of SECRET_KEY.

`seal` uses the key in force; `unseal` also knows those of SECRET_KEY_FALLBACKS, so that keys can be changed on a
running plant (docs/secrets.md). Declare such a column as `SealedText`: `manage.py rotate_secrets` finds it by that.
"""

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models

PREFIX = "sealed:1:"  # 1: how it is sealed, should that ever change
PURPOSE = b"factory.sealed"


class CannotUnseal(Exception):
    """Sealed under a key that we do not have any more, or damaged."""


class SealedText(models.TextField):
    """A column of what `seal` gave. Plain in it is only an empty text, and for a while what a version before wrote."""


def seal(text: str) -> str:
    """The text as it may lie in a database or a backup; a different one each time. Nothing stays nothing."""
    return PREFIX + _box().encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """The text again. What was never sealed is given back as it is: a version before wrote it plainly."""
    if not sealed.startswith(PREFIX):
        return sealed
    try:
        return _box().decrypt(sealed.removeprefix(PREFIX).encode()).decode()
    except InvalidToken:
        raise CannotUnseal("It was sealed under a key that is not known here.") from None


def is_under_newest_key(sealed: str) -> bool:
    """Whether it can be read without SECRET_KEY_FALLBACKS. An empty text can."""
    if not sealed.startswith(PREFIX):
        return not sealed
    try:
        _lock_of(settings.SECRET_KEY).decrypt(sealed.removeprefix(PREFIX).encode())
    except InvalidToken:
        return False
    return True


def _box() -> MultiFernet:
    return MultiFernet([_lock_of(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


@lru_cache(maxsize=16)
def _lock_of(key: str) -> Fernet:
    made = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=PURPOSE).derive(key.encode())
    return Fernet(urlsafe_b64encode(made))
