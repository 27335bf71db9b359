"""Readers for environment variables that fail loudly, with the name and the reason."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

from factory.limits.rates import Rate


def refuse(name: str, value: str, wanted: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}={value!r} is not {wanted}.")


class Env:
    """Reads one mapping; remembers which names were asked for, so that docs can be held to it."""

    def __init__(self, source: Mapping[str, str] = os.environ) -> None:
        self.source = source
        self.names: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        self.names.add(name)
        return self.source.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name, "1" if default else "0").lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise refuse(name, value, "a switch (1 or 0)")

    def integer(self, name: str, default: int, *, low: int = 0, high: int = 2**31) -> int:
        value = self.text(name, str(default))
        try:
            number = int(value)
        except ValueError:
            raise refuse(name, value, "a whole number") from None
        if not low <= number <= high:
            raise refuse(name, value, f"between {low} and {high}")
        return number

    def rate(self, name: str, default: str) -> Rate | None:
        """How often something may be done; None for `off`."""
        value = self.text(name, default)
        if value == "off":
            return None
        try:
            return Rate.read(value)
        except ValueError:
            raise refuse(name, value, "a rate such as 100/m, or off") from None

    def origins(self, name: str) -> list[str]:
        """Sites, as browsers name them."""
        found = [word.rstrip("/").lower() for word in self.words(name)]
        for origin in found:
            if not re.fullmatch(r"https?://[^\s/?#@*]+", origin):
                raise refuse(name, origin, "an origin such as https://app.example:8443")
        return found

    def choice(self, name: str, default: str, allowed: set[str]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise refuse(name, value, "one of " + ", ".join(sorted(allowed)))
        return value

    def words(self, name: str, default: str = "") -> list[str]:
        """A list, separated by commas."""
        return [word for word in (w.strip() for w in self.text(name, default).split(",")) if word]

    def folder(self, name: str, default: Path) -> Path:
        return Path(self.text(name, str(default))).expanduser().resolve()

    def url(self, name: str, default: str, schemes: set[str]) -> str:
        value = self.text(name, default)
        if value and value.split("://", 1)[0] not in schemes:
            raise refuse(name, value, "a URL starting with " + ", ".join(f"{s}://" for s in sorted(schemes)))
        return value

    def time_zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (ValueError, OSError, KeyError):
            raise refuse(name, value, "a time zone such as Europe/Berlin") from None
        return value

    def contacts(self, name: str) -> list[str]:
        """Where people can be reached, as URIs; an e-mail address by itself is one."""
        found = []
        for value in self.words(name):
            uri = f"mailto:{value}" if re.fullmatch(r"[^@\s:/]+@[^@\s:/]+", value) else value
            if not re.fullmatch(r"(mailto:[^@\s]+@[^@\s]+|https://[^\s/]\S*|tel:\+?[0-9().-]+)", uri):
                raise refuse(name, value, "an e-mail address, nor one of mailto:, https:// or tel:")
            found.append(uri)
        return found

    def email(self, name: str) -> str:
        value = self.text(name)
        if value and not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            raise refuse(name, value, "an e-mail address")
        return value
