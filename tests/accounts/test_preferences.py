"""How pages look to a person is theirs, and follows them."""

import pytest

from factory.accounts.models import User
from factory.accounts.preferences import set_preferences, zone_of
from factory.errors import InvalidInput
from tests.builders import Trpc, data_of, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db
USUAL = {"theme": "system", "language": None, "timeZone": None, "startPage": "overview", "shortcuts": True}


def test_nobody_has_to_choose_anything(client):
    sign_in(client, make_user())
    assert data_of(Trpc(client).query("auth.preferences")) == USUAL


def test_what_is_named_is_changed_and_the_rest_stays(client):
    user = make_user()
    sign_in(client, user)

    changed = data_of(
        Trpc(client).mutate(
            "auth.setPreferences", {"theme": "contrast", "language": "de", "timeZone": "Asia/Tokyo"}
        )
    )
    assert changed == {**USUAL, "theme": "contrast", "language": "de", "timeZone": "Asia/Tokyo"}

    changed = data_of(
        Trpc(client).mutate(
            "auth.setPreferences", {"timeZone": None, "startPage": "alerts", "shortcuts": False}
        )
    )
    assert changed == {
        "theme": "contrast",
        "language": "de",
        "timeZone": None,
        "startPage": "alerts",
        "shortcuts": False,
    }
    assert data_of(Trpc(client).query("auth.preferences")) == changed


def test_they_are_of_one_person_only(client):
    one, other = make_user(), make_user()
    sign_in(client, one)

    data_of(Trpc(client).mutate("auth.setPreferences", {"theme": "dark"}))

    other.refresh_from_db()
    assert other.theme == "system"


@pytest.mark.parametrize(
    "wrong",
    [
        {"theme": "pink"},
        {"theme": None},
        {"language": "xx"},
        {"timeZone": "Moon/Crater"},
        {"timeZone": "../../etc/passwd"},
        {"startPage": "admin:index"},
        {"startPage": "https://evil.example"},
        {"shortcuts": "no"},
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(client, wrong):
    sign_in(client, make_user())

    assert refusal_of(Trpc(client).mutate("auth.setPreferences", wrong))[1] == "BAD_REQUEST"
    assert data_of(Trpc(client).query("auth.preferences")) == USUAL


def test_a_stranger_has_none(client):
    assert refusal_of(Trpc(client).query("auth.preferences"))[1] == "UNAUTHORIZED"
    assert refusal_of(Trpc(client).mutate("auth.setPreferences", {"theme": "dark"}))[1] == "UNAUTHORIZED"


@pytest.mark.parametrize("name", ["theme", "language", "time_zone", "start_page"])
def test_the_service_refuses_too(name):
    with pytest.raises(InvalidInput):
        set_preferences(user=make_user(), **{name: "nonsense"})


def test_a_zone_that_this_machine_does_not_know_any_more_is_the_plants(settings):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"
    user = make_user()
    User.objects.update(time_zone="Mars/Olympus")
    user.refresh_from_db()

    assert zone_of(user).key == "Europe/Berlin"
