"""What claim codes look like: sixteen letters and digits, of an alphabet that is hard to misread (Crockford's)."""

import hashlib
import secrets
from collections.abc import Callable

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH, GROUP = 16, 4  # five random bits each: 80 of them, which nobody guesses
MISREAD = str.maketrans("OIL", "011")
HINT_LENGTH = 4


def new_code(draw: Callable[[int], int] = secrets.randbelow) -> str:
    """A code as it is shown, in groups: `7K3M-Q0RT-9XWA-2HBD`."""
    letters = "".join(ALPHABET[draw(len(ALPHABET))] for _ in range(LENGTH))
    return "-".join(letters[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def normal(typed: str) -> str:
    """What somebody typed, without what does not count: case, spaces, hyphens, and O for 0, I and L for 1."""
    return "".join(letter for letter in typed.upper() if letter.isalnum()).translate(MISREAD)


def hash_of(typed: str) -> str:
    return hashlib.sha256(normal(typed).encode()).hexdigest()


def hint_of(code: str) -> str:
    """Its last characters, to tell codes apart."""
    return normal(code)[-HINT_LENGTH:]
