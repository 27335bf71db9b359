"""Signatures over manifests, Ed25519: the maker keeps the private key, plant and devices know the public ones."""

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

SIGNATURE_BYTES = 64


class BadKey(ValueError):
    """What is wrong with a key, in words."""


def keys_folder() -> Path:
    """Where the plant keeps the public keys it trusts, beside those in FIRMWARE_PUBLIC_KEYS."""
    return Path(settings.FACTORY_DATA) / "firmware_keys"


def trusted_keys() -> list[str]:
    """Every public key that may have signed; several while one is replaced by the next."""
    kept = (path.read_text().strip() for path in sorted(keys_folder().glob("*.pub")))
    return list(dict.fromkeys([*settings.FIRMWARE_PUBLIC_KEYS, *kept]))


def is_signed_by_one_of(keys: Iterable[str], *, manifest: str, signature: str) -> bool:
    """Whether one of these public keys made the signature over exactly this text."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == SIGNATURE_BYTES and any(_verifies(key, raw, manifest.encode()) for key in keys)


def _verifies(key: str, signature: bytes, signed: bytes) -> bool:
    try:
        public_key(key).verify(signature, signed)
    except (BadKey, InvalidSignature):
        return False
    return True


def public_key(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise BadKey("A public key is 32 bytes in base64.") from None


def fingerprint(key: str) -> str:
    """A short name of a public key."""
    return hashlib.sha256(base64.b64decode(key)).hexdigest()[:12]


def make_key(private: Path) -> str:
    """Write a new private key, readable by its owner only, to a file that is not there yet; returns the public one."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    return public_of(key)


def load_private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise BadKey(f"{path} holds no private key that can be read: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} holds another kind of key than Ed25519.")
    return key


def public_of(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def sign(key: Ed25519PrivateKey, manifest: str) -> str:
    return base64.b64encode(key.sign(manifest.encode())).decode()
