"""Showing in an answer what was looked for."""

import re

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def highlighted(words: str, text: str) -> SafeString:
    """The words, with what was typed marked in them, whole or word by word."""
    wanted = [text, *text.split()] if text else []
    if not wanted:
        return conditional_escape(words)
    pieces = re.split(f"({'|'.join(map(re.escape, wanted))})", str(words), flags=re.IGNORECASE)
    return mark_safe(  # each piece is escaped
        "".join(
            format_html("<mark>{}</mark>", piece) if number % 2 else conditional_escape(piece)
            for number, piece in enumerate(pieces)
        )
    )
