"""Device tokens: long random strings, so that one round of SHA-256 is enough to keep them safe."""

import hashlib
import secrets

PREFIX = "fdt_"


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def looks_like_device_token(text: str) -> bool:
    return text.startswith(PREFIX)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
