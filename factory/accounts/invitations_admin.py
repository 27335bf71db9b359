"""The console's list of invitations."""

from django import forms
from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from factory.accounts import invitations, letters
from factory.accounts.backoffice import ReadOnlyAdmin
from factory.accounts.models import Invitation, User
from factory.accounts.services import normal_email
from factory.errors import DomainError


class InvitationForm(forms.ModelForm):
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=User.Role.choices)

    class Meta:
        model = Invitation
        fields = ["email", "name", "role"]

    def clean_email(self) -> str:
        email = normal_email(self.cleaned_data["email"])
        try:
            invitations.refuse_uninvitable(email)
        except DomainError as refusal:
            raise forms.ValidationError(refusal.message) from None
        return email


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Made by the form, then only sent again or revoked."""

    form = InvitationForm
    list_display = ["email", "name", "role_name", "state", "invited_by", "created_at", "expires_at"]
    list_filter = [("pending_for", admin.EmptyFieldListFilter)]
    list_select_related = ["invited_by"]
    ordering = ["-pk"]
    search_fields = ["email", "name"]
    exclude = ["round", "pending_for"]
    actions = ["send_again", "revoke"]

    def has_add_permission(self, request) -> bool:
        return request.user.is_staff

    def get_fields(self, request, obj=None):
        return super().get_fields(request, obj) if obj else ["email", "name", "role"]

    def get_readonly_fields(self, request, obj=None):
        return super().get_readonly_fields(request, obj) if obj else []

    def save_model(self, request, obj, form, change) -> None:
        if change:
            return
        invitation = invitations.invite(**form.cleaned_data, by=request.user, at=timezone.now())
        obj.pk = invitation.pk
        self._tell(request, invitation)

    @admin.action(description=gettext_lazy("Send the selected invitations again"), permissions=["change"])
    def send_again(self, request, queryset) -> None:
        for invitation in queryset:
            try:
                sent = invitations.send_again(invitation=invitation, by=request.user, at=timezone.now())
            except DomainError as refusal:
                self.message_user(request, refusal.message, messages.WARNING)
            else:
                self._tell(request, sent)

    @admin.action(description=gettext_lazy("Revoke the selected invitations"), permissions=["change"])
    def revoke(self, request, queryset) -> None:
        for invitation in queryset:
            try:
                invitations.revoke(invitation=invitation, by=request.user, at=timezone.now())
            except DomainError as refusal:
                self.message_user(request, refusal.message, messages.WARNING)
            else:
                words = _("The invitation for %(email)s is revoked.") % {"email": invitation.email}
                self.message_user(request, words, messages.SUCCESS)

    def _tell(self, request, invitation: Invitation) -> None:
        """Where no letter goes out, the link itself: this once, to hand over."""
        told = {"email": invitation.email}
        if letters.can_be_sent():
            words = _("A letter to %(email)s is on its way. Its link is good for seven days.") % told
        else:
            words = _(
                "No e-mail is set up here. Hand this link to %(email)s; it is shown this once and good for "
                "seven days: %(link)s"
            ) % {**told, "link": invitations.link_of(invitation)}
        self.message_user(request, words, messages.SUCCESS)

    @admin.display(description=gettext_lazy("Role"))
    def role_name(self, invitation: Invitation) -> str:
        return str(User.Role(invitation.role).label)

    @admin.display(description=gettext_lazy("state"))
    def state(self, invitation: Invitation) -> str:
        if invitation.accepted_at:
            return _("accepted")
        if invitation.revoked_at:
            return _("revoked")
        return _("open") if invitation.expires_at > timezone.now() else _("too old")
