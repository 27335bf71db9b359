"""What tags and metadata have to look like. Pure: values in, reasons out."""

from typing import Any

from django.utils.translation import gettext

from factory.trpc.fields import DEEPEST, NO_JSON, as_json, is_too_deep

TAGS_LIMIT = 50
TAG_LENGTH = 64
LARGEST = 64 * 1024  # bytes of metadata as JSON: every list of devices brings them along


def why_misshapen(*, tags: Any, metadata: Any) -> dict[str, str]:
    """{field: reason} for tags and metadata that would not be understood by those who read them."""
    problems = {}
    words = tags if isinstance(tags, list) else [None]
    if len(words) > TAGS_LIMIT or not all(isinstance(w, str) and 0 < len(w) <= TAG_LENGTH for w in words):
        problems["tags"] = gettext(
            "must be a list of at most %(most)s words of 1 to %(longest)s characters"
        ) % {"most": TAGS_LIMIT, "longest": TAG_LENGTH}
    elif as_json(words) is None:
        problems["tags"] = gettext(NO_JSON)
    if not isinstance(metadata, dict):
        problems["metadata"] = gettext("must be an object")
    elif is_too_deep(metadata):
        problems["metadata"] = gettext("may nest %(most)s levels deep") % {"most": DEEPEST}
    elif (text := as_json(metadata)) is None:
        problems["metadata"] = gettext(NO_JSON)
    elif len(text) > LARGEST:
        problems["metadata"] = gettext("may take %(most)s KB as JSON") % {"most": LARGEST // 1024}
    return problems
