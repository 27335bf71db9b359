"""Every word that pages say is there in German, and what was compiled is what the catalogues say."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.utils import translation

from factory.words import compile_words

ROOT = Path(settings.BASE_DIR)
CATALOGUES = sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/*.po"))
ROOMS = ("factory", "devices", "telemetry", "alerts", "ota", "grouping", "analytics")
PLACES = re.compile(r"%(?:\(\w+\))?[sd]|\{\w*\}")


def said(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.mark.parametrize("text", CATALOGUES, ids=lambda text: f"{text.parts[-3]}-{text.stem}")
def test_everything_is_translated_and_sure(text):
    words = polib.pofile(str(text))
    assert [entry.msgid for entry in words if entry.fuzzy or entry.obsolete or not all(said(entry))] == []


@pytest.mark.parametrize("text", CATALOGUES, ids=lambda text: f"{text.parts[-3]}-{text.stem}")
def test_a_translation_fills_in_what_its_original_fills_in(text):
    def of_originals(entry):
        return {frozenset(PLACES.findall(each)) for each in (entry.msgid, entry.msgid_plural) if each}

    astray = [
        entry.msgid
        for entry in polib.pofile(str(text))
        for words in said(entry)
        if frozenset(PLACES.findall(words)) not in of_originals(entry)
    ]
    assert astray == []


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext's programs are not installed")
def test_nothing_new_is_missing_in_the_catalogues(tmp_path):
    for name in ("templates", "manage.py", "pyproject.toml", *ROOMS):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("*.mo", "__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    for domain in ("django", "djangojs"):
        subprocess.run(
            [sys.executable, "manage.py", "makemessages", "--locale", "de", "--domain", domain],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "FACTORY_DATA": str(tmp_path / "var"), "LC_ALL": "C.UTF-8"},
            check=True,
            capture_output=True,
        )
    for text in CATALOGUES:
        now = (tmp_path / text.relative_to(ROOT)).read_text()
        assert now == text.read_text(), "script/translate brings the catalogues up to date"


def test_catalogues_are_compiled_when_they_are_newer(tmp_path):
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
    (folder / "django.po").write_text(f'{head}\nmsgid "a"\nmsgstr "ä"\n')

    assert compile_words(tmp_path) == [folder / "django.mo"]
    assert compile_words(tmp_path) == []
    assert polib.mofile(str(folder / "django.mo")).find("a").msgstr == "ä"


@pytest.mark.django_db
def test_pages_speak_the_browsers_language_and_the_api_english(client):
    page = client.get("/sign-in", headers={"accept-language": "de-CH, en;q=0.5"})
    assert (page.headers["Content-Language"], '<html lang="de"' in page.content.decode()) == ("de", True)

    answer = client.get("/api/trpc/devices.list", headers={"accept-language": "de"})
    assert answer.json()["error"]["message"] == "Sign in first."
    assert translation.get_language() == "en"


def test_the_words_of_scripts_are_served_in_each_language(client):
    assert "Kopiert" in client.get("/words/de.js").content.decode()
    assert "Kopiert" not in client.get("/words/en.js").content.decode()
    assert client.get("/words/xx.js").status_code == 404
