"""Links to the wallboard: who made them, for what, until when; made and revoked here."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from analytics.pages.doors import for_people, page, person
from analytics.queries.alerts import known_groups, known_zones
from analytics.queries.walls import wall_links
from analytics.services.walls import WallLinkAlreadyRevoked, make_wall_link, revoke_wall_link
from factory.accounts.models import User
from factory.errors import DomainError
from grouping.queries import get_group

PER_PAGE = 50
LIFETIMES = [
    (0, gettext_lazy("Until it is revoked")),
    (1, gettext_lazy("A day")),
    (7, gettext_lazy("A week")),
    (30, gettext_lazy("30 days")),
    (365, gettext_lazy("A year")),
]


class WallLinkForm(forms.Form):
    """`shows` is empty for the plant, else `zone:…` or `group:…`."""

    name = forms.CharField(
        label=gettext_lazy("Which screen it is for"),
        max_length=120,
        help_text=gettext_lazy("For example: screen at the gate of hall 2."),
    )
    shows = forms.ChoiceField(label=gettext_lazy("It shows"), required=False)
    days = forms.TypedChoiceField(
        label=gettext_lazy("It is good for"), choices=LIFETIMES, coerce=int, initial=0, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = [(f"zone:{zone}", zone) for zone in known_zones()]
        groups = [(f"group:{pk}", name) for pk, name in known_groups()]
        self.fields["shows"].choices = [  # type: ignore[attr-defined]
            ("", _("The whole plant")),
            *([(_("Zone"), zones)] if zones else []),
            *([(_("Group"), groups)] if groups else []),
        ]

    def shown(self) -> dict[str, Any]:
        """As the service takes it."""
        kind, _colon, which = self.cleaned_data["shows"].partition(":")
        if kind == "group":
            return {"group": get_group(int(which))}
        return {"zone": which}


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def links(request: HttpRequest) -> HttpResponse:
    """Every link by its last characters, and a form for one more; the address itself is shown once."""
    form = WallLinkForm(request.POST or None)
    at = timezone.now()
    if request.method == "POST" and form.is_valid():
        days = form.cleaned_data["days"]
        try:
            link, token = make_wall_link(
                name=form.cleaned_data["name"],
                by=person(request),
                at=at,
                expires_at=at + timedelta(days=days) if days else None,
                **form.shown(),
            )
        except DomainError as refusal:
            form.add_error(None, refusal.message)
        else:
            url = request.build_absolute_uri(reverse("link-wall", args=[token]))
            context = {"here": "wall", "link": link, "url": url}
            return page(request, "analytics/wall_link.html", context)
    rows = Paginator(wall_links(), PER_PAGE).get_page(request.GET.get("page"))
    for row in rows:
        row.good = row.is_good(at)  # type: ignore[attr-defined]
    context = {"here": "wall", "form": form, "rows": rows}
    return page(request, "analytics/wall_links.html", context, status=422 if form.errors else 200)


@require_POST
@for_people(User.Role.TECHNICIAN)
def revoke(request: HttpRequest, link_id: int) -> HttpResponse:
    """Whatever shows the wallboard by it stops doing so at its next look."""
    try:
        link = revoke_wall_link(link_id=link_id, at=timezone.now())
    except WallLinkAlreadyRevoked as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(
            request, _("Revoked: %(link)s. Screens that use it stop within a minute.") % {"link": link}
        )
    return redirect("wall-links")
