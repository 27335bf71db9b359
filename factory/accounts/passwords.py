"""Which passwords are taken: the one place that every way of setting one asks (settings.AUTH_PASSWORD_VALIDATORS)."""

from typing import TYPE_CHECKING

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from factory.errors import InvalidInput

if TYPE_CHECKING:
    from factory.accounts.models import User


class PasswordRefused(InvalidInput):
    """Too short, too common, or too close to the name or e-mail of the person."""


def accepted(password: str, *, person: "User", field: str = "password") -> None:
    """Refuse a password that this person may not set; `field` is its wire name where it was typed."""
    try:
        validate_password(password, person)
    except ValidationError as refusal:
        raise PasswordRefused(f"{field}: {refusal.messages[0]}", fields={field: refusal.messages}) from None
