"""Restart all devices of a group from the admin, after a page that names how many they are."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.forms import CharField, Form, HiddenInput, IntegerField
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from factory.accounts.backoffice import RoomAdmin
from factory.errors import DomainError
from grouping import services
from grouping.queries import get_group

OPERATION = "restart"
SHOWN = 20  # of the devices that do not take part


class RestartForm(Form):
    confirm = IntegerField(min_value=1, widget=HiddenInput)
    key = CharField(max_length=100, widget=HiddenInput)  # made with the form: sent twice, it is one batch


class TypedRestartForm(RestartForm):
    """Past a size the number is not only shown but typed."""

    confirm = IntegerField(
        label="Number of devices",
        min_value=1,
        help_text="Type how many devices are to be restarted.",
        widget=UnfoldAdminIntegerFieldWidget,
    )


class Restarting(RoomAdmin):
    """What a group's page can do to its devices."""

    actions_detail = ["restart_devices"]

    @action(description=_("Restart its devices…"), url_path="restart", permissions=["change"])
    def restart_devices(self, request, object_id) -> HttpResponse:
        try:
            group = get_group(int(object_id))
            preview = services.preview_batch(
                operation=OPERATION, parameters={}, group_id=group.pk, by=request.user
            )
        except DomainError as refusal:
            messages.error(request, refusal.message)
            return redirect("admin:grouping_group_changelist")
        devices = len(preview.eligible)
        is_typed = devices > settings.BATCH_CONFIRM_ABOVE
        kind = TypedRestartForm if is_typed else RestartForm
        asked = {"key": uuid.uuid4().hex, **({} if is_typed else {"confirm": devices})}
        form = kind(request.POST) if request.method == "POST" else kind(initial=asked)
        if form.is_valid():
            try:
                batch = services.create_batch(
                    operation=OPERATION,
                    parameters={},
                    group_id=group.pk,
                    by=request.user,
                    at=timezone.now(),
                    idempotency_key=form.cleaned_data["key"],
                    confirm=form.cleaned_data["confirm"],
                )
            except DomainError as refusal:
                form = kind(initial=asked)
                messages.error(request, refusal.message)
            else:
                messages.success(request, f"Devices being restarted: {batch.total}.")
                return redirect("admin:grouping_batchoperation_change", batch.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"Restart the {devices} devices of {group.name}",
            "group": group,
            "form": form,
            "devices": devices,
            "preview": preview,
            "excluded": preview.excluded[:SHOWN],
            "more_excluded": max(0, len(preview.excluded) - SHOWN),
        }
        return TemplateResponse(request, "admin/grouping/group/restart.html", context)
