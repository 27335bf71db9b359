"""What the tokens of wallboards look like: long and random, so that one round of SHA-256 keeps them safe."""

import hashlib
import secrets

PREFIX = "fwl_"
HINT_LENGTH = 4


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def hint_of(token: str) -> str:
    """Its last characters, to tell links apart."""
    return token[-HINT_LENGTH:]
