"""Who may open and use which page, for every line of Django's table of addresses; and who downloads what."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from factory.urls import registry
from tests.builders import Trpc, make_api_token, make_device, make_token, make_user, sign_in
from tests.roles.table import DOWNLOADS, JUDGES_WHAT_IS_SENT, PAGES, RANKS, STRANGER, UNNAMED, has_rank

pytestmark = pytest.mark.django_db
# What stands for the blanks of an address. There is nothing of that number: who may gets to hear so.
BLANKS = {
    "language": "en",
    "ending": "csv",
    "name": "none",
    "screen": "none",
    "code": "none",
    "token": "none",
}
LEAST_RANK = {name: rank for rank, names in PAGES.items() for name in names} | {
    name: rank for name, rank in DOWNLOADS.items() if "." not in name
}
DOWNLOADING = [procedure.path for procedure in registry if procedure.downloads]


def lines(resolver=None, before=""):
    """(name, route, view) of each address but the admin's own, whose turn is in test_admin.py."""
    for line in (resolver or get_resolver()).url_patterns:
        route = before + str(line.pattern)
        if isinstance(line, URLPattern):
            yield line.name, route, line
        elif isinstance(line, URLResolver) and line.app_name != "admin":
            yield from lines(line, route)


NAMED = {name: line for name, _, line in lines() if name}
ROUTES = {name: route for name, route, _ in lines() if name}


def address(name: str) -> str:
    blanks = NAMED[name].pattern.converters
    path = ROUTES[name]
    for blank in blanks:
        word = next(part for part in (f"<int:{blank}>", f"<str:{blank}>") if part in path)
        path = path.replace(word, str(BLANKS.get(blank, 999_999)))
    return f"/{path}"


def is_refused(response) -> bool:
    """No, or: sign in first. That there is nothing to be sent here (405) is told to anybody."""
    return response.status_code in (401, 403) or response.headers.get("Location", "").startswith("/sign-in?")


def test_every_address_has_a_line_in_the_table():
    assert NAMED.keys() - LEAST_RANK.keys() == set(), "Who may open these? Say it in tests/roles/table.py."
    assert LEAST_RANK.keys() - NAMED.keys() == set(), "These are gone."
    unnamed = {route.lstrip("^").partition("(")[0] for name, route, _ in lines() if not name}
    assert unnamed == set(UNNAMED)
    assert set(DOWNLOADING) == {name for name in DOWNLOADS if "." in name}


def test_every_page_that_is_not_public_says_its_rank_at_its_door():
    said = {name: getattr(line.callback, "rank", None) for name, line in NAMED.items()}

    by_link_too = {"report-file", "firmware-file"}  # they look at links and tokens themselves
    public = {name: None for name, rank in LEAST_RANK.items() if rank == STRANGER or name in by_link_too}
    assert said == {**LEAST_RANK, **public}


def asked(client, name: str) -> list:
    """A page is opened and, where what is sent does not decide who may send it, sent an empty form."""
    answers = [client.get(address(name))]
    if name not in JUDGES_WHAT_IS_SENT and name not in ("sign-in", "sign-out"):
        answers.append(client.post(address(name)))
    return [answer for answer in answers if answer.status_code != 405]


@pytest.mark.parametrize("role", [STRANGER, *RANKS])
def test_a_page_is_open_to_exactly_whom_the_contract_says(client, role):
    token = sign_in(client, make_user(role=role)) if role != STRANGER else ""
    wrong = {}
    for name in sorted(NAMED.keys() - {"end-other-sessions"}):
        if token:
            client.cookies["app_session_id"] = token
        told = asked(client, name)
        if {is_refused(answer) for answer in told} - {not has_rank(role, LEAST_RANK[name])}:
            wrong[name] = [answer.status_code for answer in told]

    assert wrong == {}


@pytest.mark.parametrize("whose", ["device", "program"])
def test_a_token_of_a_device_or_a_program_opens_no_page(client, whose):
    token = (
        make_token(make_device(), at=timezone.now())
        if whose == "device"
        else make_api_token(make_user(role="admin"), "full")
    )
    headers = {"authorization": f"Bearer {token}"}
    for_programs = {"report-file", "firmware-file"} if whose == "program" else set()
    pages = [name for name, least in LEAST_RANK.items() if least != STRANGER and name not in for_programs]
    answers = {name: client.get(address(name), headers=headers) for name in pages}

    opened = [
        name for name, answer in answers.items() if answer.status_code != 405 and not is_refused(answer)
    ]
    assert opened == []


@pytest.mark.parametrize("path", DOWNLOADING)
def test_a_file_is_for_whom_the_table_says(client, path):
    device = Trpc(client, bearer=make_token(make_device(), at=timezone.now()))
    refused = [device.query(path).status_code, Trpc(client).query(path).status_code]
    for role in RANKS:
        sign_in(client, make_user(role=role))
        assert (Trpc(client).query(path).status_code == 403) is not has_rank(role, DOWNLOADS[path])
    assert refused == [403, 401]


def test_no_browser_keeps_a_page_of_somebody_who_is_signed_in(client):
    sign_in(client, make_user(role="admin"))
    addresses = [*map(address, NAMED), "/admin/", "/admin/accounts/user/", "/not/there"]

    pages = {
        path: answer.headers.get("Cache-Control", "")
        for path in addresses
        if (answer := client.get(path)).headers.get("Content-Type", "").startswith("text/html")
    }

    assert len(pages) > 60
    assert [path for path, told in pages.items() if "no-store" not in told] == []
