"""Search: what is found, by whom, and what nobody types on purpose."""

import pytest

from alerts.models import Alert
from alerts.services.handling import resolve_alert
from analytics.queries.search import cleaned, found_by
from tests.builders import (
    NOON,
    make_device,
    make_firmware,
    make_group,
    make_threshold,
    make_user,
    sign_in,
    store,
)

pytestmark = pytest.mark.django_db


def names(rows) -> list[str]:
    return [str(row.name) for row in rows]


def make_alert(name: str) -> Alert:
    device = make_device(name=name)
    make_threshold(device, max_value=90.0)
    store(device, (NOON, 98.5))
    return Alert.objects.get(device=device)


@pytest.fixture
def viewer(client):
    user = make_user()
    sign_in(client, user)
    return user


def test_names_that_begin_so_come_before_those_that_only_have_it():
    make_device(name="Old press")
    make_device(name="Press 2")
    make_device(name="Pump", external_id="x-1", location="Press shop")

    assert names(found_by("press", limit=5).devices) == ["Press 2", "Old press", "Pump"]


def test_each_kind_is_found(client, viewer):
    alert = make_alert("Press 7")
    make_group(name="Press line")
    make_firmware(version="7.1.0")

    page = client.get("/search", {"q": "press"}).content.decode()
    assert f'href="/devices/{alert.device_id}/"' in page
    assert f'href="/alerts/{alert.pk}/"' in page
    assert "Press</mark> line" in page
    assert "7.1.0" in client.get("/search", {"q": "7.1"}).content.decode().replace("<mark>", "").replace(
        "</mark>", ""
    )
    assert 'href="/energy/"' in client.get("/search", {"q": "ener"}).content.decode()


def test_an_alert_is_found_by_its_number_also_when_it_is_over():
    alert = make_alert("Press 7")
    resolve_alert(alert=alert, by=make_user(role="operator"), at=NOON)

    assert [row.pk for row in found_by(f"#{alert.pk}", limit=5).alerts] == [alert.pk]
    assert list(found_by("temperature", limit=5).alerts) == []


def test_more_than_are_shown_lead_to_the_narrowed_list(client, viewer):
    for number in range(6):
        make_device(name=f"Press {number}")

    answers = client.get("/search/answers", {"q": "press"}).content.decode()

    assert answers.count('role="option"') == 6
    assert 'href="/devices/?search=press"' in answers


@pytest.mark.parametrize(
    "text", ["", " ", "%", "_", "%_%", "\x00", "😀", "x" * 500, "'", '"><script>', "#", "²", "9" * 40, "\\"]
)
def test_whatever_is_typed_is_answered(client, viewer, text):
    make_device(name="Press 1")

    for path in ("/search", "/search/answers"):
        response = client.get(path, {"q": text})
        assert response.status_code == 200
        assert "<script>" not in response.content.decode().split('id="main"')[-1]
        assert "/devices/1/" not in response.content.decode()


def test_one_letter_finds_beginnings_only():
    make_device(name="Press 1", external_id="aa")
    make_device(name="Old pump", external_id="bb")

    assert names(found_by("p", limit=5).devices) == ["Press 1"]


def test_what_cannot_be_seen_and_what_is_too_long_is_left_out():
    assert cleaned("  press\x00\n 7 ") == "press 7"
    assert len(cleaned("y" * 500)) == 120


@pytest.mark.parametrize(
    ("role", "add", "admin"), [("user", False, False), ("technician", True, False), ("admin", True, True)]
)
def test_pages_are_offered_to_those_who_may_open_them(client, role, add, admin):
    sign_in(client, make_user(role=role))

    assert ('href="/devices/new"' in client.get("/search/answers", {"q": "add dev"}).content.decode()) is add
    assert (
        'href="/admin/accounts/user/"' in client.get("/search/answers", {"q": "people"}).content.decode()
    ) is admin


def test_pages_are_found_by_their_german_names(client, viewer):
    page = client.get("/search/answers", {"q": "einst"}, headers={"accept-language": "de"}).content.decode()
    assert 'href="/preferences/"' in page


def test_a_stranger_finds_nothing(client):
    assert client.get("/search?q=press").headers["Location"] == "/sign-in?next=/search%3Fq%3Dpress"
    answer = client.get("/search/answers?q=press", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (401, b"")


def test_the_number_of_queries_is_the_same_for_one_and_for_three(client, viewer, django_assert_num_queries):
    make_alert("Press 1")
    make_group(name="Press group 1")
    with django_assert_num_queries(7):
        client.get("/search/answers", {"q": "press"})
    for number in (2, 3):
        make_alert(f"Press {number}")
        make_group(name=f"Press group {number}")
    with django_assert_num_queries(7):
        client.get("/search/answers", {"q": "press"})
