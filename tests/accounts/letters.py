"""Links as people find them in their letters."""

import re

from django.core import mail

LINK = re.compile(r"http\S+\?token=\S+")


def path_in(letter) -> str:
    """Where a letter leads to, on this site."""
    [link] = LINK.findall(letter.body)
    return link.removeprefix("http://127.0.0.1:8000")


def token_in(path: str) -> str:
    return path.partition("?token=")[2].replace("%3A", ":")


def letters_to(email: str) -> list:
    return [letter for letter in mail.outbox if letter.to == [email]]
