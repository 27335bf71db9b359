"""JSON that the admin's pages show and do not change, in the colours of static/factory/admin_colours.css."""

import json
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from unfold import fields


def shown_json(value: Any, encoder: type[json.JSONEncoder] | None) -> SafeString:
    from pygments import highlight  # noqa: PLC0415 -- only who opens such a page needs it
    from pygments.formatters.html import HtmlFormatter  # noqa: PLC0415
    from pygments.lexers.data import JsonLexer  # noqa: PLC0415

    text = json.dumps(value, sort_keys=True, indent=4, cls=encoder)
    return mark_safe(highlight(text, JsonLexer(), HtmlFormatter(cssclass="told-json", classprefix="json-")))


def show_json_by_classes() -> None:
    """The theme writes colours into style attributes, which the policy refuses, and asks nobody how."""
    fields.prettify_json = shown_json
