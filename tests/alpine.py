"""What the admin's templates say, as they are written: ours, the theme's and Django's."""

import re
from dataclasses import dataclass
from pathlib import Path

import unfold
from django.conf import settings
from django.template.utils import get_app_template_dirs

OURS = Path(settings.BASE_DIR) / "templates"
THEME = Path(unfold.__file__).parent
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


def theirs() -> list[Path]:
    """Where templates are that ours go before: the theme's before Django's."""
    folders = [Path(each) for each in get_app_template_dirs("templates")]
    return [each for part in ("unfold", "contrib") for each in folders if part in each.parts]


def templates() -> dict[str, str]:
    """Each that the admin can show, by its name: of those with the same name the first, as Django takes them."""
    found: dict[str, str] = {}
    for folder in [OURS, *theirs()]:
        for file in sorted(folder.rglob("*.html")):
            name = str(file.relative_to(folder))
            if folder != OURS or name.startswith(("admin/", "unfold/")):
                found.setdefault(name, file.read_text())
    return found


def expressions() -> list[Expression]:
    found = set()
    code = {str(each.relative_to(THEME)): each.read_text() for each in sorted(THEME.rglob("*.py"))}
    for name, text in (templates() | code).items():
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
