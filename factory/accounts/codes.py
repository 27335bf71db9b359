"""Codes of the second factor: six digits of an authenticator app (RFC 6238), and recovery codes."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime

import segno
from pyotp import TOTP, random_base32

ISSUER = "Smart Factory IoT"
SECONDS = 30  # of a step: what every app uses
DRIFT = 1  # steps that a phone's clock may be off, either way
RECOVERY_CODES = 10
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without those that are mistaken for others
GROUPS, OF = 4, 4  # 80 bits, so that a plain digest is enough


def new_secret() -> str:
    """160 bits in base32, as RFC 4226 recommends."""
    return random_base32(32)


def step_of(code: str, *, secret: str, at: datetime) -> int | None:
    """The step of time that this code belongs to, where it is within the drift; None for a wrong one."""
    digits = "".join(code.split())
    if not re.fullmatch(r"[0-9]{6}", digits):
        return None
    now = int(at.timestamp()) // SECONDS
    app = TOTP(secret)
    matching = [
        step
        for step in range(now - DRIFT, now + DRIFT + 1)
        if hmac.compare_digest(app.generate_otp(step), digits)
    ]
    return matching[-1] if matching else None


def link_for(secret: str, *, email: str) -> str:
    """What the QR code says: otpauth://…"""
    return TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def picture_of(link: str) -> str:
    """A QR code as SVG to stand within a page. On white, as many cameras want it."""
    return segno.make(link, error="m").svg_inline(scale=5, border=4, light="#fff", omitsize=True)


def new_recovery_codes() -> list[str]:
    return [
        "-".join("".join(secrets.choice(ALPHABET) for _ in range(OF)) for _ in range(GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def digest_of(recovery_code: str) -> str:
    """What is kept of a recovery code, however it was typed."""
    plain = re.sub(r"[^a-z0-9]", "", recovery_code.lower())
    return hashlib.sha256(plain.encode()).hexdigest()
