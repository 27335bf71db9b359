"""docs/security.md keeps its word: the tests that it names are there, and no line lacks a test or a plain word."""

import ast
import re
from functools import cache

from django.conf import settings

PAGE = (settings.BASE_DIR / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
PLAIN = ("not yet", "does not apply")


@cache
def names_in(file: str) -> set[str]:
    path = settings.BASE_DIR / file
    if not path.is_file():
        return set()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {each.name for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, functions)}


def test_every_test_that_it_names_is_there():
    assert len(NAMED) > 80
    assert [f"{file}::{name}" for file, name in NAMED if name not in names_in(file)] == []


def test_every_line_of_the_catalogues_has_a_test_or_says_that_it_has_none():
    catalogues = PAGE[PAGE.index("## OWASP ASVS") :]
    rows = [line for line in catalogues.splitlines() if re.match(r"\| \d", line)]

    assert len(rows) > 60
    assert [
        row
        for row in rows
        if "`tests/" not in row and not row.rstrip(" |").endswith(PLAIN) and "not yet" not in row
    ] == []
    chapters = {int(re.match(r"\| (\d+)", row)[1]) for row in rows}  # type: ignore[index]
    assert chapters == set(range(1, 15))
    assert re.findall(r"^\| (5\.\d+) ", catalogues.partition("## ETSI")[2], re.MULTILINE) == [
        f"5.{n}" for n in range(1, 14)
    ]
