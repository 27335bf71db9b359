"""Which language is spoken to whom. What is kept and what machines read is English, wherever it is written."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import trans_real

WRITTEN = "en"


def of_request(request: HttpRequest) -> str:
    """The first language of the browser that we have, else the plant's."""
    asked = [request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")]
    header = request.headers.get("accept-language", "")
    asked += [code for code, _ in trans_real.parse_accept_lang_header(header)]
    for code in asked:
        try:
            return translation.get_supported_language_variant(code)
        except LookupError:
            continue
    return settings.PLANT_LANGUAGE


def of_person(person: object | None) -> str:
    """The language a person has chosen; of one who has not, and of nobody's address, the plant's."""
    chosen = getattr(person, "language", "")
    return chosen if chosen in dict(settings.LANGUAGES) else settings.PLANT_LANGUAGE


def in_english() -> translation.override:
    """Around what is kept while somebody's page is being answered."""
    return translation.override(WRITTEN)
