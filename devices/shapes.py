"""What tags and metadata have to look like. Pure: values in, reasons out."""

from typing import Any

from factory.trpc.fields import DEEPEST, NO_JSON, as_json, is_too_deep

TAGS_LIMIT = 50
TAG_LENGTH = 64


def why_misshapen(*, tags: Any, metadata: Any) -> dict[str, str]:
    """{field: reason} for tags and metadata that would not be understood by those who read them."""
    problems = {}
    words = tags if isinstance(tags, list) else [None]
    if len(words) > TAGS_LIMIT or not all(isinstance(w, str) and 0 < len(w) <= TAG_LENGTH for w in words):
        problems["tags"] = f"must be a list of at most {TAGS_LIMIT} words of 1 to {TAG_LENGTH} characters"
    elif as_json(words) is None:
        problems["tags"] = NO_JSON
    if not isinstance(metadata, dict):
        problems["metadata"] = "must be an object"
    elif is_too_deep(metadata):
        problems["metadata"] = f"may nest {DEEPEST} levels deep"
    elif as_json(metadata) is None:
        problems["metadata"] = NO_JSON
    return problems
