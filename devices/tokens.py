"""Device tokens: long random strings, so that one round of SHA-256 is enough to keep them safe."""

import base64
import hashlib
import secrets

PREFIX = "fdt_"


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def looks_like_device_token(text: str) -> bool:
    return text.startswith(PREFIX)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# What Mosquitto hashes a password with. Against guessing a token of 256 random bits one round would do; and
# at every reload it checks the passwords of all who are connected again, while nobody is served.
VERIFIER_ROUNDS = 1


def broker_verifier(token: str, *, salt: bytes = b"", rounds: int = VERIFIER_ROUNDS) -> str:
    """What a line of Mosquitto's password file holds for this token: PBKDF2 with SHA-512."""
    salt = salt or secrets.token_bytes(12)  # no other length will do
    key = hashlib.pbkdf2_hmac("sha512", token.encode(), salt, rounds)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"
