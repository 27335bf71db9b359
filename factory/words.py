"""Compiles the translations: `python -m factory.words`, which script/setup calls.

The catalogues are kept as text (`.po`); what gettext reads (`.mo`) is made where it is missing or older. polib does
it, so that a user's machine needs no gettext programs.
"""

from pathlib import Path

import polib

FOLDER = Path(__file__).parent / "locale"


def compile_words(folder: Path = FOLDER) -> list[Path]:
    """The catalogues that were compiled just now."""
    made = []
    for text in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        compiled = text.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime >= text.stat().st_mtime:
            continue
        aside = compiled.with_suffix(".mo.new")
        polib.pofile(str(text)).save_as_mofile(str(aside))
        aside.replace(compiled)
        made.append(compiled)
    return made


if __name__ == "__main__":
    compile_words()
