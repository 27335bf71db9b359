"""Every page of the house, out of Django's own table of addresses: a new page is in the pictures without being told."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

Examples = Mapping[str, str | int]

# Named addresses that are no page a person looks at, and why.
LEFT_OUT = {
    "schema": "a document for programs",
    "asyncapi": "a document for programs",
    "trpc-types": "a document for programs",
    "words": "a script",
    "security-contact": "a text",
    "firmware-file": "a file",
    "alert-history-csv": "a file",
    "energy-csv": "a file",
    "oee-csv": "a file",
    "energy-plot": "a picture inside a page",
    "oee-plot": "a picture inside a page",
    "performance-plot": "a picture inside a page",
    "overview-now": "a part of the overview",
    "overview-zones": "a part of the overview",
    "group-figures": "a part of the group's page",
    "wall-screen": "a part of the wallboard",
    "link-screen": "a part of the wallboard",
    "wall-worker": "a script",
    "search-answers": "a part of the search",
    "import-wrong-rows": "a file",
    "import-job": "the plants of the pictures have no import yet",
    "report-row": "a part of the list of reports",
    "device-bulk": "where the list of devices sends what is ticked; walks.py goes there",
    "sign-in-code": "comes after a password that is right",
    "deactivate": "asks about devices that were ticked; walks.py goes there",
}

# Addresses with a question mark that show something else than the plain page.
VARIANTS = {
    "sign-in": ("?next=/",),
    "alerts": ("", "?search=nothing-like-this", "?shelved=on"),
    "alert-history": ("", "?search=nothing-like-this"),
    "devices": ("", "?search=nothing-like-this", "?filter=zone+%3D+"),
    "device": (
        *(
            f"?tab={tab}"
            for tab in ("live", "alerts", "commands", "configuration", "firmware", "credentials", "groups")
        ),
        "?tab=commands&send=-",
        "?tab=configuration&edit",
        "?tab=live&range=7d",
    ),
    "machines": ("", "?search=nothing-like-this"),
    "reset-password": ("", "?token={reset_key}"),
    "accept-invitation": ("", "?token={invitation_key}"),
    "report-file": ("",),
}
# What some of a page's names stand for beside the examples.
FIXED = {"ending": "html", "token": "no-such-link"}


@dataclass(frozen=True)
class Sight:
    """One picture's page: what it is called, and where it is."""

    name: str
    path: str


@dataclass(frozen=True)
class Address:
    """One line of the table of addresses: its name, how it is written, and which names must be filled in."""

    name: str
    route: str

    @property
    def blanks(self) -> list[str]:
        return re.findall(r"<(?:\w+:)?(\w+)>", self.route)

    def filled(self, examples: Examples) -> str:
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda blank: str(examples[blank[1]]), self.route)


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[Address]:
    """All that have a name, but for the admin's, which are found by looking at its lists."""
    for one in (resolver or get_resolver()).url_patterns:
        route = before + str(one.pattern).lstrip("^")
        if isinstance(one, URLResolver):
            if one.app_name != "admin":
                yield from addresses(one, route)
        elif isinstance(one, URLPattern) and one.name:
            yield Address(one.name, route)


def sights(examples: Examples) -> Iterator[Sight]:
    """The pages for which there are examples; a plant without devices has no page of a device."""
    known = {**FIXED, **examples}
    for address in addresses():
        if address.name in LEFT_OUT or not set(address.blanks) <= set(known):
            continue
        for number, query in enumerate(VARIANTS.get(address.name, ("",))):
            words = re.sub(r"\W+", "-", query).strip("-")
            if not set(re.findall(r"{(\w+)}", query)) <= set(known):
                continue
            name = f"{address.name}-{words}" if number or words else address.name
            yield Sight(name, address.filled(known) + query.format(**known))
    yield Sight("not-found", "/no/such/page/")


def admin_sights() -> Iterator[Sight]:
    """The admin's front page, and of each model its list and its empty form."""
    from django.contrib import admin

    yield Sight("admin", "/admin/")
    for model in admin.site._registry:
        place = f"{model._meta.app_label}/{model._meta.model_name}"
        yield Sight(f"admin-{place.replace('/', '-')}", f"/admin/{place}/")
        yield Sight(f"admin-{place.replace('/', '-')}-add", f"/admin/{place}/add/")
