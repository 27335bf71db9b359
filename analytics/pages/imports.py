"""Many devices from a CSV file: what it would change, then the change, then the new tokens, once."""

import base64
import csv
import io
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from analytics.pages.doors import for_people, page, person
from analytics.pages.import_jobs import latest_imports
from devices.services.device_files import Import, import_devices
from devices.services.imports import bring_import, is_large
from factory.accounts.models import User
from factory.errors import DomainError

ERRORS_SHOWN = 100
LARGEST = settings.REQUEST_BODY_MAX - 65_536  # it comes back in a form for the second step


def _too_large() -> str:
    size = number_format(LARGEST // 1024, use_l10n=True, force_grouping=True)
    return gettext("At most %(size)s KB. Split it.") % {"size": size}


class ImportForm(forms.Form):
    """A file the first time; its text when somebody has looked at what it would do."""

    file = forms.FileField(label=_("CSV file"), required=False)
    csv = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)
    update = forms.BooleanField(
        label=_("Change devices that are there already"), required=False, initial=True
    )
    skip_bad = forms.BooleanField(label=_("Leave out rows that are wrong"), required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        upload = given.get("file")
        if upload is not None:
            if upload.size > LARGEST:
                self.add_error(
                    "file",
                    gettext("At most %(size)s KB. Split it.")
                    % {"size": number_format(LARGEST // 1024, use_l10n=True, force_grouping=True)},
                )
                return given
            try:
                given["csv"] = upload.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", gettext("This is not text in UTF-8. Save it as “CSV UTF-8”."))
        elif not given.get("csv") and "file" not in self.errors:
            self.add_error("file", gettext("Choose a file."))
        return given


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def import_page(request: HttpRequest) -> HttpResponse:
    """Look at a file first; nothing is written before somebody has."""
    form = ImportForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"here": "devices", "tab": "import", "form": form, "latest": latest_imports()}
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data

        is_look = request.POST.get("do") != "import"
        try:
            if is_large(text=given["csv"]):
                return _hand_over(request, given)
            found = import_devices(
                text=given["csv"],
                update=given["update"],
                skip_bad=given["skip_bad"],
                dry_run=is_look,
                at=timezone.now(),
            )
        except DomainError as refusal:
            form.add_error("file", refusal.message)
        else:
            context |= _told(found, given["csv"])
            if found.written:
                return page(request, "analytics/imported.html", context)
    return page(request, "analytics/import.html", context, status=422 if form.errors else 200)


def _hand_over(request: HttpRequest, given: dict[str, Any]) -> HttpResponse:
    """So many rows that a worker does them; from here on it is a page of its own."""
    upload = given.get("file")
    brought = bring_import(
        name=upload.name if upload else "devices.csv",
        text=given["csv"],
        by=person(request),
        at=timezone.now(),
        update=given["update"],
        skip_bad=given["skip_bad"],
    )
    return redirect("import-job", brought.pk)


def _told(found: Import, text: str) -> dict[str, Any]:
    return {
        "found": found,
        "text": text,
        "errors": found.errors[:ERRORS_SHOWN],
        "more_errors": max(0, len(found.errors) - ERRORS_SHOWN),
        "tokens_csv": _as_file(found.tokens),
    }


def _as_file(tokens: Iterable[tuple[str, str]]) -> str:
    """A CSV file inside of a link: it is on no disk of ours, and gone with the page."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["deviceId", "token"])
    writer.writerows(tokens)
    return base64.b64encode(out.getvalue().encode()).decode()
