from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef
from django.http import HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action

from factory.accounts import (
    api_tokens_admin,  # noqa: F401 -- Django looks for admins here
    invitations_admin,  # noqa: F401 -- Django looks for admins here
    passwords,
    second_factor,
    services,
)
from factory.accounts.audit_targets import ARGUMENTS, PROCEDURES, ROUTERS
from factory.accounts.audit_words import csv_of, readable
from factory.accounts.backoffice import Cascading, ReadOnlyAdmin, RoomAdmin, report
from factory.accounts.models import AuditEntry, SecondFactor, Session, User
from factory.accounts.places import admin_at, page_at
from factory.errors import DomainError

admin.site.unregister(Group)  # what people may do is their role


class UserForm(forms.ModelForm):
    new_password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy(
            "Leave empty to keep the present one. A new one ends all of this person's sessions."
        ),
    )

    class Meta:
        model = User
        fields = ["email", "name", "role", "is_active"]

    def clean_email(self) -> str:
        return services.normal_email(self.cleaned_data["email"])

    def clean(self) -> dict:
        cleaned = super().clean() or {}
        if self.instance.pk:
            try:
                services.refuse_without_admin(user=self.instance, **cleaned)
            except DomainError as refusal:
                report(self, refusal.fields)
        password = cleaned.get("new_password")
        if not self.instance.pk and not password:
            self.add_error("new_password", _("Give this person a first password."))
        if password:
            try:
                passwords.accepted(password, person=self.instance, field="newPassword")
            except DomainError as refusal:
                report(self, refusal.fields)
        return cleaned


@admin.register(User)
class UserAdmin(Cascading, RoomAdmin):
    form = UserForm
    list_display = ["email", "name", "role", "is_active", "has_second_factor", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["email", "name"]
    readonly_fields = ["open_id", "created_at", "last_login"]
    fields = ["email", "name", "role", "is_active", "new_password", *readonly_fields]
    actions = ["end_sessions", "take_second_factor_off"]
    actions_list = ["invite"]

    def get_queryset(self, request):
        factor = SecondFactor.objects.filter(user=OuterRef("pk"), confirmed_at__isnull=False)
        return super().get_queryset(request).annotate(second_factor_on=Exists(factor))

    @admin.display(description=gettext_lazy("second factor"), boolean=True)
    def has_second_factor(self, user: User) -> bool:
        return getattr(user, "second_factor_on", False)

    @action(description=gettext_lazy("Invite somebody"), url_path="invite", icon="mail", permissions=["view"])
    def invite(self, request) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:accounts_invitation_add"))

    def save_model(self, request, obj, form, change) -> None:
        password = form.cleaned_data.get("new_password")
        if not change:
            created = services.create_user(
                email=obj.email, password=password, name=obj.name, role=User.Role(obj.role)
            )
            obj.pk = created.pk
            if not obj.is_active:
                services.edit_user(user=created, is_active=False)
            return
        services.edit_user(
            user=obj,
            **{name: form.cleaned_data[name] for name in form.changed_data if name != "new_password"},
        )
        if password:
            services.set_password(user=obj, password=password, at=timezone.now())

    def delete_model(self, request, obj) -> None:
        services.delete_users(users=[obj], by=request.user, at=timezone.now())

    def delete_queryset(self, request, queryset) -> None:
        services.delete_users(users=queryset, by=request.user, at=timezone.now())

    @admin.action(description=gettext_lazy("End all sessions of the selected people"), permissions=["change"])
    def end_sessions(self, request, queryset) -> None:
        ended = sum(services.revoke_all_sessions(user=user, at=timezone.now()) for user in queryset)
        words = ngettext("%(count)s session ended.", "%(count)s sessions ended.", ended)
        self.message_user(request, words % {"count": ended}, messages.SUCCESS)

    @admin.action(
        description=gettext_lazy("Take the second factor off the selected people"), permissions=["change"]
    )
    def take_second_factor_off(self, request, queryset) -> None:
        done = 0
        for user in queryset:
            try:
                done += second_factor.take_off(user=user, by=request.user, at=timezone.now())
            except DomainError as refusal:
                self.message_user(request, refusal.message, messages.WARNING)
        words = ngettext(
            "%(count)s person signs in without a second factor now.",
            "%(count)s people sign in without a second factor now.",
            done,
        )
        self.message_user(request, words % {"count": done}, messages.SUCCESS if done else messages.INFO)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ["id", "user", "address", "created_at", "expires_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "user__role"]
    list_select_related = ["user"]
    ordering = ["-pk"]
    search_fields = ["user__email", "address"]
    exclude = ["token_id"]
    actions = ["revoke"]

    @admin.action(description=gettext_lazy("End the selected sessions"), permissions=["change"])
    def revoke(self, request, queryset) -> None:
        for session in queryset:
            services.sign_out(session=session, at=timezone.now())


KINDS = sorted({*ROUTERS.values(), *PROCEDURES.values(), *ARGUMENTS.values(), "accounts.user"})
KINDS += ["accounts.invitation"]
MOST_EXPORTED = 100_000


class ActorFilter(admin.SimpleListFilter):
    title = gettext_lazy("who")
    parameter_name = "who"

    def lookups(self, request, model_admin):
        people = User.objects.order_by("name", "email").only("name", "email")[:200]
        return [*((str(user.pk), str(user)) for user in people), ("nobody", _("Nobody signed in"))]

    def queryset(self, request, queryset):
        if self.value() == "nobody":
            return queryset.filter(actor_id=None)
        return queryset.filter(actor_id=self.value()) if (self.value() or "").isdecimal() else queryset


class KindFilter(admin.SimpleListFilter):
    title = gettext_lazy("kind of object")
    parameter_name = "kind"

    def lookups(self, request, model_admin):
        return [(kind, kind.partition(".")[2]) for kind in KINDS]

    def queryset(self, request, queryset):
        return queryset.filter(target_kind=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditAdmin(ReadOnlyAdmin):
    """Read, filtered and taken out as a file; nobody changes it, admins neither."""

    list_display = ["at", "actor_name", "action", "thing", "outcome", "source", "address"]
    list_filter = ["outcome", "source", ActorFilter, KindFilter, "at"]
    search_fields = ["action", "target_label", "actor_name", "by_token", "reason", "request_id"]
    search_help_text = gettext_lazy("Action, object, person, reason or request")
    ordering = ["-pk"]
    list_display_links = ["at", "action"]
    actions = ["export_selected"]
    may_be_many = ("export_selected",)
    actions_list = ["export_newest"]
    fieldsets = [
        (None, {"fields": ["at", "actor_name", "action", "outcome", "reason", "thing", "places"]}),
        (gettext_lazy("What changed"), {"fields": ["changes", "wanted"]}),
        (gettext_lazy("Where it came from"), {"fields": ["source", "by_token", "address", "request_id"]}),
    ]

    def get_readonly_fields(self, request, obj=None):
        return [name for _title, options in self.fieldsets for name in options["fields"]]

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def view_on_site(self, obj) -> str | None:
        return page_at(obj.target_kind, obj.target_id) if obj.target_id else None

    def lookup_allowed(self, lookup, value, request=None) -> bool:
        return lookup in {"target_kind__exact", "target_id__exact"} or super().lookup_allowed(
            lookup, value, request
        )

    @admin.display(description=gettext_lazy("object"))
    def thing(self, entry: AuditEntry) -> str:
        kind = entry.target_kind.partition(".")[2]
        return f"{kind} {entry.target_label or entry.target_id}".strip() or "–"

    @admin.display(description=gettext_lazy("look at it"))
    def places(self, entry: AuditEntry) -> SafeString | str:
        links = [
            (page_at(entry.target_kind, entry.target_id), _("on the dashboard")),
            (admin_at(entry.target_kind, entry.target_id), _("in the admin")),
        ]
        there = [(url, words) for url, words in links if url]
        return (
            format_html_join(
                " · ", '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', there
            )
            or "–"
        )

    @admin.display(description=gettext_lazy("before and after"))
    def changes(self, entry: AuditEntry) -> SafeString | str:
        names = {**entry.before, **entry.after}
        if not names:
            return "–"
        rows = [(name, readable(entry.before.get(name)), readable(entry.after.get(name))) for name in names]
        return format_html(
            '<table class="audit-changes"><tr><th>{}</th><th>{}</th><th>{}</th></tr>{}</table>',
            _("field"),
            _("before"),
            _("after"),
            format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
        )

    @admin.display(description=gettext_lazy("what was asked"))
    def wanted(self, entry: AuditEntry) -> SafeString | str:
        rows = [(name, readable(value)) for name, value in entry.asked.items()]
        body = format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows)
        return format_html('<table class="audit-changes">{}</table>', body) if rows else "–"

    @admin.action(description=gettext_lazy("Export as CSV"), permissions=["view"])
    def export_selected(self, request, queryset) -> StreamingHttpResponse:
        return _file_of(queryset)

    @action(
        description=gettext_lazy("Export the newest"),
        url_path="export",
        icon="download",
        permissions=["view"],
    )
    def export_newest(self, request) -> StreamingHttpResponse:
        return _file_of(AuditEntry.objects.all())


def _file_of(entries) -> StreamingHttpResponse:
    name = get_valid_filename(f"audit-{timezone.localdate()}.csv")
    rows = entries.order_by("-pk")[:MOST_EXPORTED].iterator(chunk_size=1000)
    return StreamingHttpResponse(
        csv_of(rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
