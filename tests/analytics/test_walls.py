from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.utils import timezone

from analytics.models import WallLink
from analytics.pages.walls import EDITION, SCREENS
from analytics.queries.walls import WallLinkEnded, WallLinkUnknown
from analytics.services.walls import WallLinkAlreadyRevoked, make_wall_link, revoke_wall_link, use_wall_link
from factory.errors import InvalidInput
from factory.limits.rates import Rate
from tests.alerts.outbox import raise_trouble
from tests.analytics.looking import HTMX, NASTY, make_alert, words
from tests.builders import NOON, make_device, make_group, make_user, sign_in, store

pytestmark = pytest.mark.django_db


def make_link(**properties):
    return make_wall_link(**{"name": "Gate", "by": None, "at": timezone.now(), **properties})


@pytest.fixture
def token():
    return make_link()[1]


@pytest.mark.parametrize("screen", SCREENS)
def test_a_person_sees_each_screen_as_a_part_and_as_a_page(client, mira, screen):
    make_alert()

    part = client.get(f"/wall/screens/{screen}", headers=HTMX)
    page = client.get(f"/wall/?screen={screen}")

    assert (part.status_code, page.status_code) == (200, 200)
    assert "<html" not in part.text
    assert part["X-Wall-Edition"] == EDITION
    assert f'data-edition="{EDITION}"' in page.text


def test_a_stranger_is_sent_to_sign_in(client):
    assert client.get("/wall/")["Location"] == "/sign-in?next=/wall/"
    assert client.get("/wall/screens/plant").status_code == 302


def test_there_is_no_other_screen(client, mira, token):
    assert client.get("/wall/screens/secrets").status_code == 404
    assert client.get(f"/wall/{token}/secrets").status_code == 404


@pytest.mark.parametrize("screen", SCREENS)
def test_a_link_shows_the_screens_to_whoever_has_it(client, token, screen):
    make_alert()

    assert client.get(f"/wall/{token}/?screen={screen}").status_code == 200
    answer = client.get(f"/wall/{token}/{screen}")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_the_screens_say_what_is_open(client, token):
    make_alert(make_device(name=NASTY, zone="Hall B"))

    plant, zones, alerts = (client.get(f"/wall/{token}/{name}") for name in ("plant", "zones", "alerts"))

    assert "One machine needs someone." in words(plant)
    assert "Open alerts 1 1 critical" in words(plant)
    assert "Hall B 1 device 1 critical" in words(zones)
    assert "over the limit of 90" in words(alerts)
    assert NASTY not in plant.text + alerts.text


def test_a_link_opens_nothing_else(client, token):
    make_device()
    carried = {"authorization": f"Bearer {token}"}
    for path in (
        "/",
        "/devices/",
        "/alerts/",
        "/wall/",
        "/wall/links/",
        "/overview/now",
        "/wall/screens/plant",
    ):
        assert client.get(path, headers=carried).status_code == 302, path
    for path in ("devices.list", "alerts.list", "analytics.overview"):
        assert client.get(f"/api/trpc/{path}", headers=carried).status_code in (401, 404), path
    assert client.get(f"/wall/{token}/plant").cookies == {}
    assert client.post(f"/wall/{token}/plant").status_code == 405


def test_no_page_of_a_link_leads_to_another(client, token):
    import re

    make_alert()
    for screen in SCREENS:
        page = client.get(f"/wall/{token}/?screen={screen}").text
        links = re.findall(r'href="([^"]+)"', page.split("<body")[1])
        assert all(link.startswith("?screen=") for link in links), links


def test_a_link_to_a_zone_shows_only_it(client):
    _, token = make_link(zone="Hall B")
    make_alert(make_device(name="Press 3", zone="Hall B"))
    make_alert(make_device(name="Mixer 1", zone="Hall A"))
    raise_trouble(zone="Hall A", message="5 devices are silent")
    store(make_device(name="Furnace 1", zone="Hall A"), (timezone.now(), 5000.0), metric="power")

    pages = "".join(words(client.get(f"/wall/{token}/{name}")) for name in SCREENS)

    assert "Press 3" in pages
    assert "One machine needs someone." in pages
    assert "Devices reporting 1 of 1" in pages
    assert "Power now –" in pages
    for other in ("Mixer 1", "Hall A", "5 devices are silent"):
        assert other not in pages


def test_a_link_to_a_group_shows_only_its_devices_and_goes_with_it(client):
    press, mixer = make_device(name="Press 3"), make_device(name="Mixer 1")
    group = make_group(name="Line 1", devices=[press])
    _, token = make_link(group=group)
    make_alert(press)
    make_alert(mixer)

    page = words(client.get(f"/wall/{token}/alerts"))
    assert "Press 3" in page
    assert "Mixer 1" not in page

    group.delete()
    assert client.get(f"/wall/{token}/alerts").status_code == 404


@pytest.mark.parametrize("path", ["", "plant"])
def test_a_revoked_and_an_expired_link_say_so_without_a_value(client, path):
    make_alert(make_device(name="Press 3"))
    revoked, one = make_link()
    _, other = make_link(expires_at=timezone.now() + timedelta(minutes=1))
    revoke_wall_link(link_id=revoked.pk, at=timezone.now())
    WallLink.objects.exclude(pk=revoked.pk).update(expires_at=timezone.now())

    for token in (one, other):
        answer = client.get(f"/wall/{token}/{path}")
        assert answer.status_code == 410
        assert "This link has ended" in words(answer)
        assert "Press 3" not in answer.text


def test_an_unknown_link_is_not_found(client):
    answer = client.get("/wall/fwl_nothing/")

    assert answer.status_code == 404
    assert "There is no such link" in words(answer)


def test_asking_is_counted_with_strangers_from_that_address(client, token, settings):
    settings.RATE_ADDRESS = Rate(2, 60)

    answers = [client.get(f"/wall/{token}/plant") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0
    assert "asks too often" in words(answers[2])


def test_the_token_is_kept_as_a_hash_only():
    link, token = make_link()

    kept = " ".join(str(value) for value in WallLink.objects.filter(pk=link.pk).values_list().get())

    assert token not in kept
    assert link.hint == token[-4:]


def test_the_last_use_is_noted_once_a_minute():
    link, token = make_link(at=NOON)

    for seconds in (0, 30, 90):
        use_wall_link(token=token, at=NOON + timedelta(seconds=seconds))
        link.refresh_from_db()
        assert link.last_used_at == NOON + timedelta(seconds=90 if seconds == 90 else 0)


def test_only_the_first_who_revokes_does_so():
    link, token = make_link(at=NOON)

    revoke_wall_link(link_id=link.pk, at=NOON)

    with pytest.raises(WallLinkAlreadyRevoked):
        revoke_wall_link(link_id=link.pk, at=NOON + timedelta(hours=1))
    with pytest.raises(WallLinkUnknown):
        revoke_wall_link(link_id=0, at=NOON)
    with pytest.raises(WallLinkEnded):
        use_wall_link(token=token, at=NOON)
    link.refresh_from_db()
    assert (link.revoked_at, link.last_used_at) == (NOON, None)


def test_a_link_is_made_for_one_thing_and_for_the_future():
    with pytest.raises(InvalidInput):
        make_link(zone="Hall B", group=make_group(name="Line 1"))
    with pytest.raises(InvalidInput):
        make_link(at=NOON, expires_at=NOON)


@pytest.mark.parametrize("devices", [1, 3])
@pytest.mark.parametrize(("screen", "queries"), [("plant", 10), ("zones", 6), ("alerts", 10)])
def test_a_screen_costs_the_same_for_any_number_of_devices(
    client, token, devices, screen, queries, django_assert_max_num_queries
):
    for _ in range(devices):
        make_alert(make_device())
    client.get(f"/wall/{token}/{screen}")

    with django_assert_max_num_queries(queries):
        client.get(f"/wall/{token}/{screen}")


# The page of links


def test_a_link_is_shown_once_and_listed_by_its_last_characters(client, tess):
    make_device(zone="Hall B")

    answer = client.post("/wall/links/", {"name": "Gate", "shows": "zone:Hall B", "days": "7"})

    link = WallLink.objects.get()
    address = urlsplit(answer.context["url"]).path
    assert client.get(address).status_code == 200
    assert (link.zone, link.created_by) == ("Hall B", tess)
    listed = client.get("/wall/links/")
    assert address not in listed.text
    assert f"…{link.hint}" in listed.text
    assert "Gate" in words(listed)


def test_a_link_may_show_a_group(client, tess):
    group = make_group(name="Line 1")

    client.post("/wall/links/", {"name": "Gate", "shows": f"group:{group.pk}", "days": "0"})

    link = WallLink.objects.get()
    assert (link.group, link.expires_at) == (group, None)


@pytest.mark.parametrize(("field", "value"), [("name", ""), ("shows", "zone:Nowhere"), ("days", "3")])
def test_a_wrong_entry_is_said_at_its_field(client, tess, field, value):
    answer = client.post("/wall/links/", {"name": "Gate", "shows": "", "days": "0", field: value})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert not WallLink.objects.exists()


def test_a_revoked_link_is_said_to_be(client, tess):
    link, token = make_link(name=NASTY)

    answer = client.post(f"/wall/links/{link.pk}/revoke", follow=True)

    assert "Revoked" in words(answer)
    assert NASTY not in answer.text
    assert client.get(f"/wall/{token}/").status_code == 410
    assert "was revoked already" in words(client.post(f"/wall/links/{link.pk}/revoke", follow=True))
    assert client.post("/wall/links/0/revoke").status_code == 404


@pytest.mark.parametrize("role", ["user", "operator"])
def test_only_technicians_and_admins_have_links(client, role):
    sign_in(client, make_user(role=role))
    link, _ = make_link()

    assert client.get("/wall/links/").status_code == 403
    assert client.post("/wall/links/", {"name": "Gate"}).status_code == 403
    assert client.post(f"/wall/links/{link.pk}/revoke").status_code == 403
    assert WallLink.objects.get().revoked_at is None


@pytest.mark.parametrize("links", [1, 3])
def test_the_list_costs_the_same_for_any_number_of_links(client, tess, links, django_assert_num_queries):
    for _ in range(links):
        make_link(by=tess)
    client.get("/wall/links/")

    with django_assert_num_queries(6):
        client.get("/wall/links/")


def test_times_stand_on_the_plants_clock(client, token):
    assert f'data-zone="{settings.TIME_ZONE}"' in client.get(f"/wall/{token}/").text


def test_what_a_browser_keeps_for_when_there_is_no_server_tells_nothing_of_the_plant(client, token):
    make_alert(device=make_device(name="Press 7", zone="Hall B"))

    waiting = client.get("/wall/waiting")
    worker = client.get("/wall/worker.js")

    assert (waiting.status_code, worker.status_code) == (200, 200)
    assert worker["Content-Type"] == "text/javascript"
    assert worker["Cache-Control"] == "no-cache"
    assert "Waiting for the server since" in words(waiting)
    assert [said for said in ("Press 7", "Hall B", token) if said in waiting.text + worker.text] == []


def test_the_worker_is_another_one_in_another_edition(client, monkeypatch):
    before = client.get("/wall/worker.js").text

    monkeypatch.setattr("analytics.pages.walls.EDITION", "another")

    assert client.get("/wall/worker.js").text == before.replace(EDITION, "another") != before
