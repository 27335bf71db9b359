"""Words for what rows and messages hold as a code: a state, a severity, a role, a type. In the reader's language."""

import re

from django.utils.formats import get_format
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext, gettext_noop

from factory.languages import WRITTEN

WORDS = {
    word.replace(" ", "_"): word
    for word in (
        # how bad
        gettext_noop("critical"),
        gettext_noop("warning"),
        gettext_noop("info"),
        # alerts
        gettext_noop("active"),
        gettext_noop("acknowledged"),
        gettext_noop("resolved"),
        gettext_noop("late"),
        gettext_noop("shelved"),
        gettext_noop("maintenance"),
        # devices
        gettext_noop("online"),
        gettext_noop("offline"),
        gettext_noop("error"),
        gettext_noop("sensor"),
        gettext_noop("actuator"),
        gettext_noop("controller"),
        gettext_noop("gateway"),
        # work and its steps
        gettext_noop("draft"),
        gettext_noop("planned"),
        gettext_noop("pending"),
        gettext_noop("queued"),
        gettext_noop("sent"),
        gettext_noop("sending"),
        gettext_noop("working"),
        gettext_noop("waiting"),
        gettext_noop("running"),
        gettext_noop("in progress"),
        gettext_noop("paused"),
        gettext_noop("deploying"),
        gettext_noop("downloading"),
        gettext_noop("installing"),
        gettext_noop("succeeded"),
        gettext_noop("completed"),
        gettext_noop("failed"),
        gettext_noop("expired"),
        gettext_noop("skipped"),
        gettext_noop("cancelled"),
        gettext_noop("rolled back"),
        gettext_noop("checking"),
        gettext_noop("ready"),
        gettext_noop("writing"),
        gettext_noop("done"),
        # machines
        gettext_noop("stopped"),
        gettext_noop("unknown"),
        # people
        gettext_noop("user"),
        gettext_noop("operator"),
        gettext_noop("technician"),
        gettext_noop("admin"),
    )
}


def said(code: str) -> str:
    """The word for a code, in small letters; one that is not known is said as it is kept."""
    return gettext(WORDS[code]) if code in WORDS else code.replace("_", " ")


said_later = lazy(said, str)  # in whatever language it is read: reports are made first and told later


# Sentences that are kept


_PLACE = re.compile(r"%\((\w+)\)s")
_AMOUNTS = {"value", "bound", "share"}
_AMOUNT = r"-?[0-9][^ ,]*(?: [^,]+)?"
_sentences: list[tuple[str, re.Pattern[str]]] = []


def keep_sentences(*sentences: str) -> None:
    """Let these be told in the reader's language where a row holds one of them, filled in, in English.

    The places `value`, `bound` and `share` take amounts;
    `why` takes another sentence, `state` and `kind` a code, `label` and `silence` a word of the catalogues.
    """
    _sentences.extend((sentence, _pattern(sentence)) for sentence in sentences)
    # Those that begin with words of their own are told apart first, then those with more of them.
    _sentences.sort(key=lambda each: (each[0].startswith("%("), -len(_PLACE.sub("", each[0]))))


def _pattern(sentence: str) -> re.Pattern[str]:
    pieces = _PLACE.split(sentence)  # text, place, text, place … text
    pieces[::2] = [re.escape(text.replace("%%", "%")) for text in pieces[::2]]
    pieces[1::2] = [f"(?P<{name}>{_AMOUNT if name in _AMOUNTS else '.+'})" for name in pieces[1::2]]
    return re.compile("".join(pieces), re.DOTALL)


def retold(text: str) -> str:
    """A kept sentence in the reader's language; what people or devices wrote stays as it is."""
    if not text or get_language() == WRITTEN:
        return text
    for sentence, pattern in _sentences:
        if found := pattern.fullmatch(text):
            words = found.groupdict()
            filled = {name: _filled(name, each) for name, each in words.items()}
            return gettext(sentence) % filled if "%" in sentence else gettext(sentence)
    return text


def _filled(name: str, words: str) -> str:
    if name in _AMOUNTS:
        return words.replace(".", get_format("DECIMAL_SEPARATOR"))
    if name in ("state", "kind"):
        return said(words)
    if name in ("label", "silence"):
        return gettext(words)
    return retold(words) if name == "why" else words
