"""The page of one's own: looks, password, sessions; and that the other pages do as it says."""

import pytest
from django.utils import timezone

from factory.accounts.models import AuditEntry, Session, User
from factory.accounts.preferences import set_preferences
from factory.accounts.services import open_session
from tests.builders import PASSWORD, make_device, make_user, sign_in

pytestmark = pytest.mark.django_db
CHOICES = {
    "theme": "dark",
    "language": "de",
    "time_zone": "Asia/Tokyo",
    "start_page": "energy",
    "shortcuts": "on",
}


@pytest.fixture
def user(client):
    user = make_user(role="user", name="Mira")
    sign_in(client, user)
    return user


def test_choices_are_kept_and_the_next_page_follows_them(client, user):
    response = client.post("/preferences/", CHOICES, follow=True)

    page = response.content.decode()
    assert '<html lang="de"' in page
    assert 'data-theme="dark"' in page
    assert 'data-zone="Asia/Tokyo"' in page
    assert "Ihre Einstellungen sind gespeichert." in page
    user.refresh_from_db()
    assert (user.start_page, user.shortcuts) == ("energy", True)


def test_a_chosen_language_counts_more_than_the_browsers(client, user):
    set_preferences(user=user, language="de")
    page = client.get("/", headers={"accept-language": "en"})
    assert page.headers["Content-Language"] == "de"

    set_preferences(user=user, language="")
    page = client.get("/", headers={"accept-language": "en"})
    assert page.headers["Content-Language"] == "en"


def test_times_are_on_ones_own_clock_but_the_plants_days_on_the_plants(client, user, settings):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"
    set_preferences(user=user, time_zone="Asia/Tokyo")
    make_device()

    assert 'data-zone="Asia/Tokyo"' in client.get("/alerts/").content.decode()
    for path in ("/energy/", "/oee/", "/performance/", "/reports/", "/maintenance/", "/alerts/figures/"):
        assert 'data-zone="Europe/Berlin"' in client.get(path).content.decode(), path


def test_shortcuts_can_be_switched_off(client, user):
    assert 'data-shortcuts="off"' not in client.get("/").content.decode()
    client.post("/preferences/", {**CHOICES, "shortcuts": ""})
    assert 'data-shortcuts="off"' in client.get("/").content.decode()


def test_a_wrong_choice_is_told_and_nothing_is_kept(client, user):
    response = client.post("/preferences/", {**CHOICES, "theme": "pink"})

    assert response.status_code == 422
    user.refresh_from_db()
    assert (user.theme, user.language) == ("system", "")


def test_the_switch_of_the_theme_answers_a_script_and_a_plain_form(client, user):
    assert client.post("/preferences/theme", {"theme": "contrast", "quietly": "1"}).status_code == 204
    assert 'data-theme="contrast"' in client.get("/").content.decode()

    plain = client.post("/preferences/theme", {"theme": "light", "next": "/devices/?status=error"})
    assert plain.headers["Location"] == "/devices/?status=error"
    assert client.post("/preferences/theme", {"theme": "pink"}).status_code == 302
    assert User.objects.get(pk=user.pk).theme == "light"


def test_a_new_password_keeps_this_browser_signed_in_and_no_other(client, user):
    elsewhere = open_session(user=user, at=timezone.now())

    response = client.post(
        "/preferences/password",
        {"current_password": PASSWORD, "new_password": "eight iron ladders"},
        follow=True,
    )

    assert response.status_code == 200
    assert "Your password is changed." in response.content.decode()
    assert Session.objects.filter(revoked_at=None).count() == 1
    client.cookies["app_session_id"] = elsewhere
    assert client.get("/preferences/").status_code == 302
    [entry] = AuditEntry.objects.filter(action="new-password")
    assert entry.asked == {"current_password": "•••", "new_password": "•••"}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"current_password": "wrong", "new_password": "eight iron ladders"}, "Is wrong"),
        ({"current_password": PASSWORD, "new_password": "short"}, "too short"),
        ({"current_password": "", "new_password": "eight iron ladders"}, "This field is required."),
    ],
)
def test_a_password_that_does_not_do_is_refused_at_its_field(client, user, sent, words):
    response = client.post("/preferences/password", sent)

    assert (response.status_code, words in response.content.decode()) == (422, True)
    assert Session.objects.filter(revoked_at=None).count() == 1


def test_one_ends_own_sessions_only(client, user):
    open_session(user=user, at=timezone.now(), agent="Mozilla/5.0 (Windows NT 10.0) Firefox/130.0")
    own = Session.objects.order_by("pk").last()
    open_session(user=make_user(role="admin"), at=timezone.now())
    others = Session.objects.order_by("pk").last()
    assert "Firefox on Windows" in client.get("/preferences/").content.decode()

    client.post(f"/preferences/sessions/{own.pk}/end", {"next": "/preferences/"})
    client.post(f"/preferences/sessions/{others.pk}/end", {"next": "/preferences/"})

    own.refresh_from_db()
    others.refresh_from_db()
    assert (own.revoked_at is not None, others.revoked_at is not None) == (True, False)


def test_all_other_sessions_end_at_once(client, user):
    for _ in range(2):
        open_session(user=user, at=timezone.now())

    response = client.post("/preferences/sessions/others/end", {"next": "/preferences/"}, follow=True)

    assert "2 other sessions are ended." in response.content.decode()
    assert Session.objects.filter(user=user, revoked_at=None).count() == 1


def test_a_stranger_is_led_to_the_sign_in(client):
    assert client.get("/preferences/").headers["Location"] == "/sign-in?next=/preferences/"
    for path in ("theme", "password", "sessions/1/end", "sessions/others/end"):
        assert client.post(f"/preferences/{path}").status_code == 302, path


def test_signing_in_leads_to_the_start_page_or_to_the_wanted_address_with_its_query(client):
    user = make_user(email="mira@example.com")
    set_preferences(user=user, start_page="alerts")
    sent = {"email": user.email, "password": PASSWORD}

    assert client.post("/sign-in", sent).headers["Location"] == "/alerts/"
    client.cookies.clear()
    wanted = client.get("/devices/?status=error&sort=-lastSeen&page=2").headers["Location"]
    assert client.post(wanted, sent).headers["Location"] == "/devices/?status=error&sort=-lastSeen&page=2"


def test_the_number_of_queries_does_not_grow_with_sessions(client, user, django_assert_num_queries):
    with django_assert_num_queries(5):
        client.get("/preferences/")
    for _ in range(2):
        open_session(user=user, at=timezone.now())
    with django_assert_num_queries(5):
        client.get("/preferences/")


def test_the_sign_in_page_refuses_in_the_language_of_the_browser(client):
    response = client.post(
        "/sign-in",
        {"email": "nobody@example.com", "password": "x"},
        headers={"accept-language": "de"},
    )
    assert "E-Mail oder Passwort ist falsch." in response.content.decode()
