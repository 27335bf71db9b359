"""The console's list of API tokens."""

from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from factory.accounts.api_token_rows import end_tokens
from factory.accounts.backoffice import ReadOnlyAdmin
from factory.accounts.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Made by their owners on the dashboard; here they are only looked at and revoked."""

    list_display = [
        "name",
        "user",
        "scope",
        "start",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    ]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "scope", "user__role"]
    list_select_related = ["user"]
    ordering = ["-pk"]
    search_fields = ["name", "user__email", "start"]
    exclude = ["digest"]
    actions = ["revoke"]

    @admin.action(description=gettext_lazy("Revoke the selected API tokens"), permissions=["change"])
    def revoke(self, request, queryset) -> None:
        ended = end_tokens(queryset, at=timezone.now())
        words = _("API tokens revoked: %(count)s.") % {"count": ended}
        self.message_user(request, words, messages.SUCCESS if ended else messages.INFO)
