"""How long one stays signed in: at most, and without doing anything; by role, on every way in."""

import re
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as plant
from django.utils import timezone

from factory.accounts.models import Session, User
from factory.accounts.services import edit_user
from tests.builders import Trpc, data_of, make_api_token, make_user, sign_in
from tests.live import listening as trpc
from tests.live.sockets import STRANGER, a_session, connected

pytestmark = pytest.mark.django_db
AN_HOUR = timedelta(hours=1)


def ways_in(client) -> list[bool]:
    """Whether a page, the admin and the API know who asks."""
    return [
        client.get("/devices/").status_code == 200,
        client.get("/admin/").status_code == 200,
        data_of(Trpc(client).query("auth.me")) is not None,
    ]


def signed_in_before(client, ago: timedelta, *, used: timedelta | None = None, role: str = "admin") -> User:
    """As somebody who has signed in so long ago."""
    user, now = make_user(role=role), timezone.now()
    sign_in(client, user)
    used_at = now - used if used is not None else None
    Session.objects.filter(user=user).update(created_at=now - ago, last_used_at=used_at)
    return user


def test_as_it_comes_it_is_a_year_without_an_idle_time_and_nothing_is_written(
    client, django_assert_num_queries
):
    signed_in_before(client, timedelta(days=364))

    with django_assert_num_queries(1):
        assert data_of(Trpc(client).query("auth.me")) is not None
    assert ways_in(client) == [True] * 3
    assert Session.objects.get().last_used_at is None
    Session.objects.update(created_at=timezone.now() - timedelta(days=365))
    assert ways_in(client) == [False] * 3


def test_a_session_ends_after_its_hours_however_much_it_is_used(client, settings):
    settings.SESSION_HOURS = settings.SESSION_ADMIN_HOURS = 12
    signed_in_before(client, timedelta(hours=11), used=timedelta(0))
    assert ways_in(client) == [True] * 3

    Session.objects.update(created_at=timezone.now() - timedelta(hours=12))

    assert ways_in(client) == [False] * 3


def test_who_does_nothing_for_long_enough_signs_in_again(client, settings):
    settings.SESSION_IDLE_MINUTES = settings.SESSION_ADMIN_IDLE_MINUTES = 30
    signed_in_before(client, 3 * AN_HOUR, used=timedelta(minutes=29))
    assert ways_in(client) == [True] * 3
    assert timezone.now() - Session.objects.get().last_used_at < timedelta(minutes=1)

    Session.objects.update(last_used_at=timezone.now() - timedelta(minutes=30))

    assert ways_in(client) == [False] * 3
    signed_in_before(client, AN_HOUR)  # who signed in before there was an idle time, and did nothing since
    assert ways_in(client) == [False] * 3


def test_what_a_page_asks_by_itself_is_no_use(client, settings):
    settings.SESSION_ADMIN_IDLE_MINUTES = 30
    signed_in_before(client, AN_HOUR, used=timedelta(minutes=20))
    before = Session.objects.get().last_used_at

    assert client.get("/devices/", headers={"x-renewal": "1"}).status_code == 200
    assert Session.objects.get().last_used_at == before
    assert client.get("/devices/").status_code == 200
    assert Session.objects.get().last_used_at > before


def test_live_js_knows_every_event_that_has_a_part_of_a_page_ask_by_itself():
    """Those that no hand brings about are heard at the body or the document. One not known keeps a screen signed in."""
    pages = "".join(path.read_text() for path in (plant.BASE_DIR / "templates").rglob("*.html"))
    script = (plant.BASE_DIR / "factory/static/factory/live.js").read_text()
    heard = set(re.findall(r"([\w:-]+) from:(?:body|document)\b", pages))
    known = re.findall(r"^const (?:isRenewal|isByItself) = .*/([\w|:-]+)/\.test", script, re.MULTILINE)

    assert {"look-again", "minute-passed"} <= heard
    assert set("|".join(known).split("|")) == heard


def test_the_time_of_use_is_written_once_in_a_while(client, settings, django_assert_num_queries):
    settings.SESSION_ADMIN_IDLE_MINUTES = 30
    signed_in_before(client, AN_HOUR, used=timedelta(minutes=20))

    for queries in (2, 1):  # who it is, and when
        with django_assert_num_queries(queries):
            Trpc(client).query("auth.me")


def test_admins_may_have_it_shorter_than_others_and_the_role_of_the_moment_counts(client, settings):
    settings.SESSION_ADMIN_HOURS = 12
    ida = signed_in_before(client, timedelta(days=30), role="technician")
    make_user(role="admin")
    assert data_of(Trpc(client).query("auth.me")) is not None
    assert len(data_of(Trpc(client).query("auth.sessions"))) == 1

    edit_user(user=ida, role="admin")

    assert ways_in(client) == [False] * 3
    sign_in(client, ida)
    assert ways_in(client) == [True] * 3
    assert len(data_of(Trpc(client).query("auth.sessions"))) == 1  # the one that is over is not listed
    session = Session.objects.latest("pk")
    assert session.expires_at - session.created_at == timedelta(hours=12)


def test_an_api_token_keeps_its_own_end(client, settings):
    settings.SESSION_HOURS = settings.SESSION_IDLE_MINUTES = 1
    token = make_api_token(make_user(), at=timezone.now() - timedelta(days=2), days=3)

    assert data_of(Trpc(client, bearer=token).query("auth.me")) is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ["hours", "idle"])
async def test_what_is_open_ends_too_and_being_open_is_no_use(settings, end):
    settings.WS_TIMEOUT = 0.4
    settings.SESSION_HOURS, settings.SESSION_IDLE_MINUTES = 12, 30
    _, token = await a_session()
    long_ago = timezone.now() - (timedelta(hours=12) if end == "hours" else timedelta(minutes=30))

    async with (
        connected(bearer=token) as socket,
        trpc.listening("alerts.onAlert", bearer=token) as stream,
        trpc.connected(bearer=token) as calls,
    ):
        await calls.ask(trpc.subscribe(1, "alerts.onAlert"))
        assert await calls.next() == {"id": 1, "result": {"type": "started"}}
        for _ in range(2):
            await socket.next("heartbeat")
        session = await sync_to_async(Session.objects.get)()
        assert session.last_used_at is None
        await Session.objects.aupdate(created_at=long_ago)

        assert await socket.closed_with() == STRANGER
        assert (await stream.next())[0] == "serialized-error"
        assert [(await calls.next())["error"]["data"]["code"] for _ in range(2)] == ["UNAUTHORIZED"] * 2
        assert await calls.closed_with() == STRANGER
