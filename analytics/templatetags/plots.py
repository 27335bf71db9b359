"""How plots stand on a page and in print."""

from collections.abc import Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.plots import spark as tiny
from analytics.plots.drawing import NARROW, PRINT, WIDE, Drawing

register = template.Library()


@register.simple_tag
def plot(drawing: Drawing) -> SafeString:
    """A figure for a desk and for a phone; the stylesheet shows one of the two, which alone is read out."""
    return format_html(
        '<figure class="plot"><div class="plot-wide" role="img" aria-label="{}">{}</div>'
        '<div class="plot-narrow" role="img" aria-label="{}">{}</div>{}</figure>',
        drawing.label,
        drawing.at(WIDE),
        drawing.label,
        drawing.at(NARROW),
        _caption("figcaption", drawing.caption),
    )


@register.simple_tag
def printed_plot(drawing: Drawing) -> SafeString:
    """A figure in a report; a table, because anything else would be shrunk to what is left of a page."""
    return format_html(
        '<table class="figure"><tr><td>{}{}</td></tr></table>',
        drawing.at(PRINT),
        _caption("p", drawing.caption, "caption"),
    )


@register.simple_tag
def spark(values: Sequence[float | None], label: str) -> SafeString:
    """A tiny course within a line of text."""
    return format_html('<span class="spark" role="img" aria-label="{}">{}</span>', label, tiny.draw(values))


def _caption(tag: str, words: str, name: str = "") -> SafeString | str:
    if not words:
        return ""
    named = format_html(' class="{}"', name) if name else ""
    return format_html("<{}{}>{}</{}>", tag, named, words, tag)
