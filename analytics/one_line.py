"""Names and labels, which stand in tables, titles and subjects of mail. Pure."""

import unicodedata

NOT_ONE_LINE = "must be one line, without control characters"
_BREAKING = {"Cc", "Zl", "Zp"}


def is_one_line(text: str) -> bool:
    return not any(unicodedata.category(letter) in _BREAKING for letter in text)
