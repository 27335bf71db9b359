"""Nothing in the admin's pages asks the browser for what the policy refuses, also after an update of its theme."""

import hashlib
import re
from html.parser import HTMLParser

import pytest
from django.contrib import admin

from devices.models import Command
from tests.alpine import OURS, THEME, expressions, templates
from tests.builders import make_user, sign_in
from tests.filling import fill

pytestmark = pytest.mark.django_db
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
NAMES = [model._meta.label for model in MODELS]
RUN = {None, "", "module", "text/javascript"}  # scripts of other types are data
ASKS = {"copy_to", "delete_selected", "deploy", "edit_many"}  # actions that have a page of their own
# Of the theme's, ours stand in these templates' place: made from what these digests are of.
MADE_FROM = {
    "admin/actions.html": "b5332aace8e69192",
    "admin/change_form_object_tools.html": "3238ce11ac58a883",
    "admin/index.html": "9fdb849b7da18ccd",
    "unfold/helpers/command.html": "ae6ce324d8536613",
    "unfold/layouts/skeleton.html": "66af9f0bb45f98ba",
    "unfold/helpers/welcomemsg.html": "e8eab02522ba2319",
}
# What an expression may name beside what its own page declares: Alpine's, the theme's components' and ours.
KNOWN = {
    *("$dispatch", "$el", "$event", "$refs", "$width"),
    *("adminPage", "theme", "searchCommand", "searchForm"),
    *("themeBindings", "switchTheme", "adminTheme", "filterOpen", "openAllApplications", "openModal"),
    *("window", "moveRecords", "sortRecords", "activeTab", "sidebarDesktopOpen", "sidebarMobileOpen"),
    *("applyShortcut", "commandHistory", "currentIndex", "handleContentLoaded", "handleEscape", "handleOpen"),
    *("handleOutsideClick", "handleShortcut", "hasResults", "index", "item", "items", "nextItem"),
    *("openCommandResults", "prevItem", "removeFromHistory", "selectItem", "toggleFavorite"),
}
WORDS = {"true", "false", "null", "undefined"}


class Refused(HTMLParser):
    """Collects what a browser would not apply or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given and given.get("type") in RUN):
            self.found.add(f"<{tag}>")
        for name, value in given.items():
            is_script = re.match(r"\s*(javascript|js):", value or "")
            is_filter = name == "hx-trigger" and "[" in (
                value or ""
            )  # htmx evaluates what stands in brackets
            if name == "style" or name.startswith(("on", "hx-on", "hx-vars")) or is_script or is_filter:
                self.found.add(f"<{tag} {name}={value!r}>")


def test_what_is_refused_would_be_noticed():
    page = """<p style="color: red" onclick="go()"><a href="javascript:go()">x</a><script>go()</script>
        <script type="application/json">{}</script><script src="/a.js"></script><style>p {}</style>
        <i hx-on:click="go()" hx-vals='js:{a: 1}' hx-trigger="keyup[ctrlKey]"></i>"""

    assert Refused(page).found == {
        "<p style='color: red'>",
        "<p onclick='go()'>",
        "<a href='javascript:go()'>",
        "<script>",
        "<style>",
        "<i hx-on:click='go()'>",
        "<i hx-vals='js:{a: 1}'>",
        "<i hx-trigger='keyup[ctrlKey]'>",
    }


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_no_page_of_the_admin_brings_a_style_or_script_of_its_own(client, model):
    sign_in(client, make_user(role="admin"))
    row = fill(model)
    place = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    pages = {}
    for ending in {str(url.pattern) for url in admin.site._registry[model].get_urls()}:
        path = place + re.sub(r"<\w+:\w+>", str(row.pk), ending)
        pages[path] = client.get(path)
        pages[f"POST {path}"] = client.post(
            path, {"name": ""}
        )  # with what it says to a form that is not filled in
    marked = {"_selected_action": [row.pk], "select_across": "0", "index": "0"}
    for action in ASKS & set(admin.site._registry[model].get_actions(pages[place].wsgi_request)):
        pages[f"POST {place} {action}"] = client.post(place, {"action": action, **marked})

    shown = {
        path: answer.content.decode()
        for path, answer in pages.items()
        if not answer.streaming and answer.headers.get("Content-Type", "").startswith("text/html")
    }
    assert len([page for page in shown.values() if "<body" in page]) >= 2
    assert {path: found for path, page in shown.items() if (found := Refused(page).found)} == {}


def test_the_console_its_search_and_its_refusals_bring_none_either(client):
    sign_in(client, make_user(role="admin"))
    paths = ["/admin/", "/admin/search/?s=device&extended=1", "/admin/nope/", "/admin/devices/"]

    assert {path: Refused(client.get(path).content.decode()).found for path in paths} == {
        path: set() for path in paths
    }


def test_templates_that_would_bring_one_are_known_and_not_shown():
    """What they are for is named in docs/admin.md as not to be used."""
    bring = re.compile(
        r"<style|(?<![\w:-])(style|on[a-z]+)=[\"']|<script(?![^>]*\bsrc=)|\bhx-on|\bhx-vals=.js:|javascript:"
    )

    assert {name for name, text in templates().items() if bring.search(text)} == {
        "admin/change_list.html",  # where a list has actions neither above nor below
        "unfold/components/progress.html",
        "unfold/components/table.html",  # with a height
        "unfold/helpers/avatar.html",  # of a person with a picture
        "unfold/helpers/display_dropdown.html",
        "unfold/helpers/display_header.html",  # with a picture
        "unfold/layouts/unauthenticated.html",  # with a picture
        "unfold/widgets/clearable_file_input_small.html",  # of a picture
        "unfold_crispy/layout/table_inline_formset.html",
    }


def names_in(text: str) -> set[str]:
    """The variables an expression reads or sets: no words in quotes, no keys, nothing behind a dot."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "''", text)
    bare = re.sub(r"([{,]\s*)[\w']+\s*:", r"\1", bare)
    return set(re.findall(r"(?<![\w.$])[a-zA-Z_$][\w$]*", bare)) - WORDS


def test_expressions_name_nothing_that_alpine_is_not_told_of():
    told = expressions()
    declared = {
        name
        for one in told
        if one.attribute == "x-data"
        for name in re.findall(r"[{,]\s*(\w+)\s*:", one.text)
    }

    assert {
        (one.file, name) for one in told for name in names_in(one.text) if name not in KNOWN | declared
    } == {
        # The theme's other way to search, which is switched off (SIDEBAR.command_search in factory/admin_menu.py).
        ("unfold/helpers/search.html", "if"),
        ("unfold/helpers/search.html", "else"),
        ("unfold/helpers/search.html", "openSearchResults"),
        ("unfold/helpers/search.html", "searchDropdown"),
    }


def test_styles_are_bound_as_objects():
    """Alpine sets what is an object property by property; a text would be an attribute, which the policy refuses."""
    bound = [one.text for one in expressions() if one.attribute in ("x-bind:style", ":style")]

    assert bound == ["{width: changeListWidth + 'px'}"]


def test_templates_of_the_theme_that_ours_were_made_from_are_as_they_were():
    """When an update changes one: carry its change over to ours in templates/, then its new digest here."""
    now = {
        name: hashlib.sha256(theirs.read_bytes()).hexdigest()[:16]
        for name in sorted(str(ours.relative_to(OURS)) for ours in OURS.rglob("*.html"))
        if (theirs := THEME / "templates" / name).exists()
    }

    assert now == MADE_FROM


def test_json_that_is_shown_is_coloured_by_classes(client):
    sign_in(client, make_user(role="admin"))
    row = fill(Command, parameters={"speed": 80, "mode": "<eco>"})

    page = client.get(f"/admin/devices/command/{row.pk}/change/").content.decode()

    assert '<span class="json-nt">"speed"</span>' in page
    assert '<span class="json-s2">"&lt;eco&gt;"</span>' in page
