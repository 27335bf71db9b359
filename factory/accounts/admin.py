from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.utils import timezone

from factory.accounts import services
from factory.accounts.backoffice import Cascading, ReadOnlyAdmin, RoomAdmin, report
from factory.accounts.models import Session, User
from factory.errors import DomainError

admin.site.unregister(Group)  # what people may do is their role


class UserForm(forms.ModelForm):
    new_password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Leave empty to keep the present one. A new one ends all of this person's sessions.",
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
            self.add_error("new_password", "Give this person a first password.")
        if password:
            try:
                services.check_new_password(password, user=self.instance, field="newPassword")
            except DomainError as refusal:
                report(self, refusal.fields)
        return cleaned


@admin.register(User)
class UserAdmin(Cascading, RoomAdmin):
    form = UserForm
    list_display = ["email", "name", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["email", "name"]
    readonly_fields = ["open_id", "created_at", "last_login"]
    fields = ["email", "name", "role", "is_active", "new_password", *readonly_fields]
    actions = ["end_sessions"]

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

    @admin.action(description="End all sessions of the selected people", permissions=["change"])
    def end_sessions(self, request, queryset) -> None:
        ended = sum(services.revoke_all_sessions(user=user, at=timezone.now()) for user in queryset)
        self.message_user(request, f"{ended} sessions ended.", messages.SUCCESS)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ["id", "user", "address", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["user__email", "address"]
    exclude = ["token_id"]
    actions = ["revoke"]

    @admin.action(description="End the selected sessions", permissions=["change"])
    def revoke(self, request, queryset) -> None:
        for session in queryset:
            services.sign_out(session=session, at=timezone.now())
