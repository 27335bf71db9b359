"""Names and labels, which stand in tables, titles and subjects of mail. Pure."""

import unicodedata

from django.utils.translation import gettext_noop

NOT_ONE_LINE = gettext_noop("must be one line, without control characters")
_BREAKING = {"Cc", "Zl", "Zp"}


def is_one_line(text: str) -> bool:
    return not any(unicodedata.category(letter) in _BREAKING for letter in text)
