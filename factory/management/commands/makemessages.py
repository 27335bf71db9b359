"""`makemessages` as this project keeps its catalogues: one place, no guesses, no line numbers, no dates."""

from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management.commands import makemessages

ELSEWHERE = ["tests", "bench", "docs", "deploy", "node_modules", "var", "factory/static/factory/vendor"]
KEPT = (
    "Project-Id-Version",
    "Language",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Plural-Forms",
)


class Command(makemessages.Command):
    msgmerge_options = ["-q", "--backup=none", "--previous", "--update", "--no-fuzzy-matching"]

    def handle(self, *args: Any, **options: Any) -> None:
        options.update(add_location="never", no_obsolete=True, no_wrap=True)
        options["ignore_patterns"] = [*options["ignore_patterns"], *ELSEWHERE]
        super().handle(*args, **options)
        for text in Path(settings.LOCALE_PATHS[0]).glob(f"*/LC_MESSAGES/{options['domain']}.po"):
            _in_order(text)


def _in_order(text: Path) -> None:
    """Sorted by what is said: two people who add words seldom meet in one line."""
    words = polib.pofile(str(text), wrapwidth=0)
    words.metadata = {name: words.metadata[name] for name in KEPT if name in words.metadata}
    words.header = "Translations of Smart Factory IoT."
    words.metadata_is_fuzzy = False
    words.sort(key=lambda entry: (entry.msgid.casefold(), entry.msgid, entry.msgctxt or ""))
    words.save()
