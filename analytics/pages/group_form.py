from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.queries.group_pages import possible_parents
from analytics.words import said
from grouping.models import Group


class GroupForm(forms.Form):
    """A group's properties. Where it cannot be, and what its filter may say, the services know."""

    name = forms.CharField(label=_("Name"), max_length=120)
    type = forms.ChoiceField(
        label=_("Kind"), choices=lambda: [(value, said(str(name))) for value, name in Group.Type.choices]
    )
    parent = forms.TypedChoiceField(label=_("Inside of"), coerce=int, required=False, empty_value=None)
    description = forms.CharField(label=_("Description"), max_length=500, required=False)
    filter = forms.CharField(
        label=pgettext_lazy("of a group", "Filter"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(
            {"rows": 3, "class": "code-input", "spellcheck": "false", "autocapitalize": "off"}
        ),
        help_text=_(
            "Who is in it, for example: zone = Hall-3 and tag = pump. Empty: devices are put in by hand."
        ),
    )

    def __init__(self, *args: Any, group: Group | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parents = [("", _("Nothing, it stands on its own")), *possible_parents(group)]
        self.fields["parent"].choices = parents  # type: ignore[attr-defined]
        self.was_filter = bool(group and group.filter)

    def properties(self) -> dict[str, Any]:
        """As the services take them."""
        given = self.cleaned_data
        return {
            "name": given["name"],
            "type": given["type"],
            "parent_id": given["parent"],
            "description": given["description"],
            "filter": given["filter"].strip(),
        }


def initial_of(group: Group) -> dict[str, Any]:
    """What the form of a group shows at first."""
    return {
        "name": group.name,
        "type": group.type,
        "parent": group.parent_id,
        "description": group.description,
        "filter": group.filter,
    }
