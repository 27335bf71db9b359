from django import forms
from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from alerts.admin.alerts import OnlyActedUpon
from alerts.models import Alert, Attempt, Delivery, NotificationConfig, Outage
from alerts.outbox.recipients import shown
from alerts.outbox.transports import TRANSPORTS
from alerts.services.configs import delete_config, edit_config, register_config
from alerts.services.trying import retry_deliveries
from alerts.words import some_of
from factory.accounts.backoffice import Cascading
from factory.errors import DomainError

NEW = ["type", "recipient", "severities", "throttle_minutes", "escalate_after_minutes"]
# Never `recipient` or `secret` themselves: what is secret in them goes in, and does not come out again.
SHOWN = [
    "type",
    "masked",
    "owner",
    "enabled",
    "severity_filter",
    "device_filter",
    "group_filter",
    "event_filter",
    "quiet_hours",
    "throttle_minutes",
    "escalate_after_minutes",
    "from_environment",
    "created_at",
    "updated_at",
]


class PlantConfigForm(forms.ModelForm):
    """Where the plant itself, rather than a person, is told."""

    recipient = forms.CharField(
        max_length=1000,
        help_text="An e-mail address, the address of a webhook, or an Apprise URL. It is not shown again.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    severities = forms.MultipleChoiceField(
        choices=Alert.Severity.choices,
        required=False,
        help_text="None is all of them.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = NotificationConfig
        fields = [name for name in NEW if name != "severities"]

    def clean(self):
        cleaned = super().clean() or {}
        if {"type", "recipient"} <= cleaned.keys():
            problem = TRANSPORTS[cleaned["type"]].problem(cleaned["recipient"].strip())
            if problem:
                self.add_error("recipient", problem)
        return cleaned


@admin.register(NotificationConfig)
class NotificationConfigAdmin(Cascading, OnlyActedUpon):
    form = PlantConfigForm
    list_display = ["id", "type", "masked", "whose", "enabled", "severity_filter", "updated_at"]
    list_filter = ["type", "enabled", ("owner", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["owner"]
    search_fields = ["owner__email", "owner__name"]
    ordering = ["-pk"]
    actions = ["enable", "disable"]

    def has_add_permission(self, request) -> bool:
        return request.user.is_staff

    def has_delete_permission(self, request, obj=None) -> bool:
        return request.user.is_staff

    def get_fields(self, request, obj=None):
        return SHOWN if obj else NEW

    def get_readonly_fields(self, request, obj=None):
        return SHOWN if obj else []

    @admin.display(description=_("recipient"))
    def masked(self, config: NotificationConfig) -> str:
        return shown(config)

    @admin.display(description=_("whose"), ordering="owner")
    def whose(self, config: NotificationConfig) -> str:
        return str(config.owner) if config.owner else "the plant's"

    def save_model(self, request, obj, form, change) -> None:
        severities = form.cleaned_data["severities"] or None
        config = register_config(
            by=request.user,
            plant=True,
            type=obj.type,
            recipient=form.cleaned_data["recipient"],
            severity_filter=severities,
            throttle_minutes=obj.throttle_minutes,
            escalate_after_minutes=obj.escalate_after_minutes,
            at=timezone.now(),
        )
        obj.pk = config.pk
        if config.secret:
            words = f"What it gets is signed with this secret, shown only this once: {config.secret}"
            self.message_user(request, words, messages.SUCCESS)

    def delete_model(self, request, obj) -> None:
        delete_config(config=obj)

    def delete_queryset(self, request, queryset) -> None:
        for config in queryset:
            delete_config(config=config)

    @admin.action(description=_("Switch on"), permissions=["change"])
    def enable(self, request, queryset) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description=_("Switch off"), permissions=["change"])
    def disable(self, request, queryset) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(self, request, queryset, *, enabled: bool) -> None:
        for config in queryset.exclude(enabled=enabled):
            edit_config(config=config, enabled=enabled, at=timezone.now())
        self.message_user(request, f"Switched {'on' if enabled else 'off'}.", messages.SUCCESS)


class AttemptInline(TabularInline):
    model = Attempt
    verbose_name_plural = "attempts"
    fields = readonly_fields = ["at", "succeeded", "words"]
    extra = 0
    hide_title = True
    can_delete = False
    ordering = ["pk"]

    def has_add_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(OnlyActedUpon):
    """The outbox; what has `failed` is not tried again by itself."""

    list_display = [
        "id",
        "type",
        "recipient",
        "about",
        "status",
        "attempts",
        "held_for",
        "due_at",
        "sent_at",
        "error",
    ]
    list_filter = ["status", "type", "held_for", "created_at"]
    list_select_related = ["event__alert"]
    search_fields = ["recipient", "error", "event__alert__message"]
    ordering = ["-pk"]
    exclude = ["event"]
    inlines = [AttemptInline]
    actions = ["send_again"]

    def get_readonly_fields(self, request, obj=None):
        return ["about", *super().get_readonly_fields(request, obj)]

    @admin.display(description=_("about"))
    def about(self, delivery: Delivery) -> str:
        return str(delivery.event.alert) if delivery.event else "a trial"

    @admin.action(description=_("Send again what has failed"), permissions=["change"])
    def send_again(self, request, queryset) -> None:
        refusals, queued = [], 0
        for pk in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                retry_deliveries(ids=[pk], by=request.user, at=timezone.now())
            except DomainError as refusal:
                refusals.append(refusal.message)
            else:
                queued += 1
        if queued:
            self.message_user(request, f"Messages on their way again: {queued}.", messages.SUCCESS)
        if refusals:
            self.message_user(request, some_of(refusals), messages.WARNING)


@admin.register(Outage)
class OutageAdmin(OnlyActedUpon):
    """Ways of sending that do not work just now."""

    list_display = ["transport", "since", "retry_at", "failures", "error"]
    search_fields = ["transport", "error"]
    ordering = ["since"]
