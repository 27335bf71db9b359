"""What the pages' scripts say, in one language: /words/de.js defines `gettext` and its kin."""

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.views.decorators.http import require_safe
from django.views.i18n import JavaScriptCatalog

_view = JavaScriptCatalog.as_view(domain="djangojs", packages=["factory"])


@require_safe
def catalogue(request: HttpRequest, language: str) -> HttpResponseBase:
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with translation.override(language):
        response = _view(request)
    response.headers["Cache-Control"] = "max-age=3600"
    return response
