"""What the admin's templates say to Alpine: the theme's and ours, as they are written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.template.utils import get_app_template_dirs

OURS = Path(settings.BASE_DIR) / "templates"
ATTRIBUTE = re.compile(
    r"""(?<![\w-])(x-[\w:.\-]+|@[\w:.\-]+|:[a-z][\w:.\-]*)=(["'])((?:\{\{.*?\}\}|\{%.*?%\}|(?!\2).)*)\2""",
    re.DOTALL,
)
OTHERWISE = re.compile(r"\{% else %\}.*?(?=\{% endif %\})", re.DOTALL)
TAG = re.compile(r"\{%.*?%\}", re.DOTALL)
VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
NAMES_SOMETHING = ("x-ref", "x-teleport")  # these hold a name or a place, no expression


@dataclass(frozen=True)
class Expression:
    """What stands in one attribute, without the template's own tags."""

    file: str
    attribute: str
    text: str


def theme_folders() -> list[Path]:
    return [Path(each) for each in get_app_template_dirs("templates") if "unfold" in Path(each).parts]


def _files() -> Iterator[tuple[str, str]]:
    """Each template that the admin can show, under its name: not those of the theme in whose place ours stand."""
    for folder in theme_folders():
        for file in sorted(folder.rglob("*.html")):
            name = file.relative_to(folder)
            if not (OURS / name).exists():
                yield str(name), file.read_text()
        for module in sorted(folder.parent.rglob("*.py")):
            yield f"{folder.parent.name}/{module.relative_to(folder.parent)}", module.read_text()
    for part in ("admin", "unfold"):
        for file in sorted((OURS / part).rglob("*.html")):
            yield str(file.relative_to(OURS)), file.read_text()


def expressions() -> list[Expression]:
    found = set()
    for name, text in _files():
        for attribute, _, value in ATTRIBUTE.findall(text):
            if attribute in NAMES_SOMETHING:
                continue
            if attribute == "x-for":
                value = value.partition(" in ")[2]
            # What a template fills in is a number, a word or the end of one.
            told = " ".join(VALUE.sub("1", TAG.sub("", OTHERWISE.sub("", value))).split())
            if told:
                found.add(Expression(name, attribute, told))
    return sorted(found, key=lambda one: (one.file, one.attribute, one.text))
