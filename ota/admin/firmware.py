from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from factory.accounts.backoffice import RoomAdmin, report
from factory.errors import DomainError
from grouping.queries import members_of
from ota.admin.firmware_forms import DeployForm, UploadForm, WithdrawForm
from ota.markdown import rendered
from ota.models import Deployment, Firmware
from ota.queries.firmware import get_firmware, with_deployment_counts
from ota.services import firmware as services
from ota.services.deployments import deploy_many

LIST = "admin:ota_firmware_changelist"
REASONS_TOLD = 20


@admin.register(Firmware)
class FirmwareAdmin(RoomAdmin):
    """The firmware console: versions come in by upload, are deployed, and are withdrawn."""

    list_display = [
        "version",
        "device_type",
        "is_stable",
        "file_size",
        "deployed",
        "signed",
        "withdrawn_at",
        "created_at",
    ]
    list_filter = ["device_type", "is_stable", ("withdrawn_at", admin.EmptyFieldListFilter)]
    search_fields = ["version", "checksum", "release_notes"]
    ordering = ["device_type", "-sequence"]
    show_full_result_count = False
    fields = [
        "version",
        "device_type",
        "sequence",
        "is_stable",
        "hardware",
        "release_notes",
        "notes_shown",
        "file_size",
        "checksum",
        "file",
        "url",
        "manifest",
        "signature",
        "created_by",
        "created_at",
        "withdrawn_at",
        "withdrawn_because",
    ]
    typed = ("is_stable", "hardware", "release_notes")
    actions = ["deploy", "withdraw"]

    def get_queryset(self, request):
        return with_deployment_counts(super().get_queryset(request))

    @admin.display(description=_("size"), ordering="size")
    def file_size(self, firmware: Firmware) -> str:
        return filesizeformat(firmware.size)

    @admin.display(description=_("deployments"), ordering="deployment_count")
    def deployed(self, firmware) -> int:
        return firmware.deployment_count

    @admin.display(description=_("signed"), boolean=True)
    def signed(self, firmware: Firmware) -> bool:
        return bool(firmware.signature)

    @admin.display(description=_("release notes as shown"))
    def notes_shown(self, firmware: Firmware):
        return rendered(firmware.release_notes)

    def get_readonly_fields(self, request, obj=None):
        typed = set(self.typed) - ({"hardware"} if obj and obj.signature else set())
        return [name for name in self.fields if name not in typed]

    def get_urls(self):
        pages = {"withdraw": self.withdraw_page, "deploy": self.deploy_page}
        own = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"ota_firmware_{name}")
            for name, view in pages.items()
        ]
        return own + super().get_urls()

    def add_view(self, request, form_url="", extra_context=None) -> HttpResponse:
        """Django's own would hold a transaction open while the storage takes the file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if form.is_valid():
            try:
                firmware = services.upload_firmware(**form.cleaned_data, by=request.user, at=timezone.now())
            except DomainError as refusal:
                _tell(form, refusal)
            else:
                messages.success(request, f"Version {firmware} is uploaded.")
                return redirect("admin:ota_firmware_change", firmware.pk)
        return self._page(request, "Upload firmware", form, "Upload")

    def save_model(self, request, obj, form, change) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.edit_firmware(firmware=get_firmware(obj.pk), **changes)

    def delete_model(self, request, obj) -> None:
        services.delete_firmware(firmware=obj)

    def delete_queryset(self, request, queryset) -> None:
        for firmware in queryset:
            services.delete_firmware(firmware=firmware)

    @admin.action(description=_("Deploy to devices or a group"), permissions=["change"])
    def deploy(self, request, queryset):
        return self._one(request, queryset, "deploy")

    @admin.action(description=_("Withdraw"), permissions=["change"])
    def withdraw(self, request, queryset):
        return self._one(request, queryset, "withdraw")

    def _one(self, request, queryset, page: str) -> HttpResponse | None:
        if queryset.count() != 1:
            self.message_user(request, "Select one version.", messages.WARNING)
            return None
        return redirect(f"admin:ota_firmware_{page}", queryset.get().pk)

    def withdraw_page(self, request, pk: int) -> HttpResponse:
        firmware = self._firmware(request, pk)
        if firmware is None:
            return redirect(LIST)
        form = WithdrawForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                services.withdraw_firmware(
                    firmware=firmware,
                    because=form.cleaned_data["because"],
                    by=request.user,
                    at=timezone.now(),
                )
            except DomainError as refusal:
                _tell(form, refusal)
            else:
                messages.success(request, f"Version {firmware} is withdrawn.")
                return redirect(LIST)
        return self._page(request, f"Withdraw {firmware}", form, "Withdraw")

    def deploy_page(self, request, pk: int) -> HttpResponse:
        firmware = self._firmware(request, pk)
        if firmware is None:
            return redirect(LIST)
        form = DeployForm(request.POST if request.method == "POST" else None)
        told: dict[str, Any] = {}
        if form.is_valid():
            group = form.cleaned_data["group"]
            try:
                ids = members_of(group_id=group.pk) if group else form.cleaned_data["devices"]
                told = _outcome(
                    deploy_many(
                        device_ids=ids, firmware=firmware, rollout=None, at=timezone.now(), by=request.user
                    )
                )
            except DomainError as refusal:
                _tell(form, refusal)
        return self._page(request, f"Deploy {firmware}", form, "Deploy", **told)

    def _firmware(self, request, pk: int) -> Firmware | None:
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            return get_firmware(pk)
        except DomainError as refusal:
            messages.error(request, refusal.message)
            return None

    def _page(self, request, title: str, form: Form, words: str, **told: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media + form.media,
            "title": title,
            "form": form,
            "words": words,
            "back": reverse(LIST),
            **told,
        }
        return TemplateResponse(request, "admin/ota/firmware/form.html", context)


def _tell(form: Form, refusal: DomainError) -> None:
    if refusal.fields:
        report(form, refusal.fields)
    else:
        form.add_error(None, refusal.message)


def _outcome(told: dict[int, Deployment | str]) -> dict[str, Any]:
    """How many got a deployment, and why the others did not."""
    refused = [each for each in told.values() if isinstance(each, str)]
    return {
        "is_done": True,
        "begun": len(told) - len(refused),
        "refused": len(refused),
        "reasons": sorted(set(refused))[:REASONS_TOLD],
    }
