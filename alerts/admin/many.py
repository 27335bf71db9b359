"""Thresholds by the dozen: edited, copied, out into a file and in again. What changes is shown before it is done."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from alerts.admin.forms import CopyForm, EditManyForm, ImportForm
from alerts.admin.previews import Preview, preview_of, selection_of, signed_selection
from alerts.models import Threshold
from alerts.scopes import scope_of, values_of
from alerts.services.revisions import MOST_STEPS, RevisionStale, RevisionTooLarge, Wanted, carry_out, revise
from alerts.services.threshold_files import revision_of_csv, thresholds_as_csv
from alerts.threshold_csv import LARGEST
from factory.accounts.backoffice import RoomAdmin
from factory.errors import DomainError

LIST = "admin:alerts_threshold_changelist"


class ManyAtOnce(RoomAdmin):
    """The pages of the threshold console that are not about a single one."""

    actions = ["edit_many", "copy_to", "export_selected"]
    actions_list = ["import_file", "export_all"]

    def get_urls(self):
        pages = {"edit-many": self.edit_many_page, "copy": self.copy_page, "revise": self.revise_page}
        own = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"alerts_threshold_{name}")
            for name, view in pages.items()
        ]
        return own + super().get_urls()

    # Choosing what to do

    @admin.action(description=_("Edit selected thresholds"), permissions=["change"])
    def edit_many(self, request, queryset) -> HttpResponse:
        return self._ask(request, EditManyForm(), queryset, "edit-many")

    @admin.action(description=_("Copy to devices, groups or types"), permissions=["change"])
    def copy_to(self, request, queryset) -> HttpResponse:
        return self._ask(request, CopyForm(), queryset, "copy")

    @admin.action(description=_("Export selected thresholds as CSV"), permissions=["view"])
    def export_selected(self, request, queryset) -> HttpResponse:
        return _file_of(queryset)

    @action(description=_("Export all"), url_path="export", icon="download", permissions=["view"])
    def export_all(self, request) -> HttpResponse:
        return _file_of(Threshold.objects.all())

    # Saying what is wanted, and seeing what that means

    def edit_many_page(self, request) -> HttpResponse:
        return self._answered(request, EditManyForm(request.POST), "edit-many")

    def copy_page(self, request) -> HttpResponse:
        return self._answered(request, CopyForm(request.POST), "copy")

    @action(description=_("Import CSV"), url_path="import", icon="upload", permissions=["change"])
    def import_file(self, request) -> HttpResponse:
        form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
        if form.is_valid():
            upload = form.cleaned_data["file"]
            try:
                # One byte more than there may be is enough to refuse it.
                upload.seek(0)
                steps, refusals = revision_of_csv(upload.read(LARGEST + 1))
            except DomainError as refusal:
                form.add_error("file", refusal.message)
            else:
                preview = Preview.of_file(f"Import {upload.name}", steps, refusals)
                return self._show(request, preview)
        return self._page(request, "import", {"title": "Import thresholds", "form": form})

    def revise_page(self, request) -> HttpResponse:
        """Do what was shown, if it still is so."""
        if request.method != "POST":
            return redirect(LIST)
        try:
            preview = preview_of(request.POST.get("revision", ""), by=request.user)
        except DomainError as refusal:
            messages.error(request, refusal.message)
            return redirect(LIST)
        if preview.refused and not (preview.may_leave_out and "leave_out" in request.POST):
            return self._show(
                request, preview, "Tick that the refused rows are left out, or correct the file."
            )
        try:
            made, changed = carry_out(steps=preview.steps, by=request.user, at=timezone.now())
        except RevisionStale as refusal:
            return self._show(request, preview.anew(), f"{refusal.message} This is what it would mean now.")
        except DomainError as refusal:
            messages.error(request, refusal.message)
        else:
            left_out = f", rows left out: {preview.refused}" if preview.refused else ""
            messages.success(request, f"Thresholds made: {made}, changed: {changed}{left_out}.")
        return redirect(LIST)

    def _ask(self, request, form: Form, queryset, page: str) -> HttpResponse:
        ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_STEPS + 1])
        if len(ids) > MOST_STEPS:
            messages.error(request, f"More than {MOST_STEPS} thresholds are selected. Narrow the list first.")
            return redirect(request.get_full_path())
        return self._form_page(request, form, ids, page)

    def _answered(self, request, form, page: str) -> HttpResponse:
        if request.method != "POST":
            return redirect(LIST)
        try:
            ids = selection_of(request.POST.get("selection", ""), by=request.user)
            thresholds = _thresholds(ids)
            if form.is_valid():
                title, wanted = _edits(form, thresholds) if page == "edit-many" else _copies(form, thresholds)
                return self._show(request, Preview.of(title, revise(wanted)))
        except RevisionTooLarge as refusal:
            form.add_error(None, refusal.message)
        except DomainError as refusal:
            messages.error(request, refusal.message)
            return redirect(LIST)
        return self._form_page(request, form, ids, page)

    def _form_page(self, request, form: Form, ids: list[int], page: str) -> HttpResponse:
        titles = {"edit-many": "Edit thresholds: {}", "copy": "Copy thresholds: {}"}
        context = {
            "title": titles[page].format(len(ids)),
            "form": form,
            "action": reverse(f"admin:alerts_threshold_{page}"),
            "selection": signed_selection(ids, by=request.user),
            "thresholds": _thresholds(ids[:20]),
            "others": len(ids[20:]),
        }
        return self._page(request, page.replace("-", "_"), context)

    def _show(self, request, preview: Preview, problem: str = "") -> HttpResponse:
        context = {"title": preview.title, "problem": problem, **preview.context(by=request.user)}
        return self._page(request, "preview", context)

    def _page(self, request, name: str, context: dict[str, Any]) -> HttpResponse:
        form = context.get("form")
        return TemplateResponse(
            request,
            f"admin/alerts/threshold/{name}.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "media": self.media + form.media if form else self.media,
                **context,
            },
        )


def _thresholds(ids: Sequence[int]) -> list[Threshold]:
    """Those that are still there."""
    found = Threshold.objects.select_related("device", "group").in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _edits(form: EditManyForm, thresholds: Sequence[Threshold]) -> tuple[str, list[Wanted]]:
    wanted = [(scope_of(threshold), threshold.metric, form.values()) for threshold in thresholds]
    return f"Edit thresholds: {len(thresholds)}", wanted


def _copies(form: CopyForm, thresholds: Sequence[Threshold]) -> tuple[str, list[Wanted]]:
    scopes = form.scopes()
    twice = [metric for metric, times in Counter(t.metric for t in thresholds).items() if times > 1]
    if twice:
        raise RevisionTooLarge(f"More than one of them is about {twice[0]}: select one for each metric.")
    if len(scopes) * len(thresholds) > MOST_STEPS:
        raise RevisionTooLarge(
            f"These would be more than {MOST_STEPS} thresholds. Copy to a group or a type."
        )
    wanted = [(scope, each.metric, values_of(each)) for scope in scopes for each in thresholds]
    return f"Copy thresholds: {len(thresholds)}", wanted


def _file_of(thresholds: Any) -> HttpResponse:
    ordered = thresholds.order_by("device__external_id", "group__name", "device_type", "metric")
    response = HttpResponse("".join(thresholds_as_csv(ordered)), content_type="text/csv; charset=utf-8")
    name = f"thresholds-{timezone.localtime():%Y%m%d-%H%M}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
