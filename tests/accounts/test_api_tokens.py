"""API tokens: made for a password, shown once, no more than their owner, ended by many."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.utils import timezone

from factory.accounts import second_factor
from factory.accounts.api_token_rows import digest_of
from factory.accounts.api_tokens import MOST_TOKENS, revoke_token
from factory.accounts.models import ApiToken, AuditEntry
from factory.accounts.services import change_password, delete_users, edit_user
from factory.errors import Conflict
from factory.limits.rates import Rate
from tests.accounts.second_factors import make_phone
from tests.builders import (
    NOON,
    PASSWORD,
    Trpc,
    data_of,
    make_api_token,
    make_device,
    make_user,
    refusal_of,
    sign_in,
)
from tests.live.sockets import STRANGER, connected

pytestmark = pytest.mark.django_db
MADE = {"name": "ERP", "scope": "read", "password": PASSWORD}


@pytest.fixture(autouse=True)
def _counted_anew():
    cache.clear()


def status(client, token, path="devices.list") -> int:
    return Trpc(client, bearer=token).query(path).status_code


def test_a_person_makes_one_sees_it_once_uses_it_and_revokes_it(client):
    mira = make_user(role="operator")
    sign_in(client, mira)
    api = Trpc(client)

    made = data_of(api.mutate("auth.createApiToken", MADE))
    token = made["token"]

    assert (len(token), token[:4], made["start"]) == (47, "fat_", token[:10])
    row = ApiToken.objects.get()
    assert (row.digest, row.expires_at - row.created_at) == (digest_of(token), timedelta(days=90))
    client.cookies.clear()
    assert data_of(Trpc(client, bearer=token).query("auth.me"))["id"] == mira.pk
    assert status(client, token) == 200
    sign_in(client, mira)
    [listed] = data_of(api.query("auth.apiTokens"))
    assert (listed["name"], listed["lastUsedAt"] is not None, "token" in listed) == ("ERP", True, False)
    data_of(api.mutate("auth.revokeApiToken", {"id": made["id"]}))
    assert status(client, token) == 401
    assert refusal_of(api.mutate("auth.revokeApiToken", {"id": made["id"]}))[0] == 404
    assert [entry.target_kind for entry in AuditEntry.objects.all()[:2]] == ["accounts.apitoken"] * 2
    assert token not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"password": "not hers"}, "password"),
        ({"expiresInDays": 366}, "expiresInDays"),
        ({"scope": "all"}, "scope"),
        ({"name": " "}, "name"),
    ],
)
def test_what_makes_no_token(client, wrong, field):
    sign_in(client, make_user())

    answer = Trpc(client).mutate("auth.createApiToken", {**MADE, **wrong})

    assert answer.status_code == 400
    assert field in answer.json()["error"]["data"]["fieldErrors"]
    assert not ApiToken.objects.exists()


def test_nobody_has_more_than_they_can_look_after():
    mira = make_user()
    for _ in range(MOST_TOKENS):
        make_api_token(mira)

    with pytest.raises(Conflict):
        make_api_token(mira)


@pytest.mark.parametrize("way", ["time", "deactivated", "deleted", "new password", "by an admin"])
def test_it_ends(client, way):
    mira, boss = make_user(role="technician"), make_user(role="admin")
    then = timezone.now() - timedelta(days=2) if way == "time" else timezone.now()
    token = make_api_token(mira, at=then, days=1)
    if way == "deactivated":
        edit_user(user=mira, is_active=False)
        edit_user(user=mira, is_active=True)  # which does not bring it back
    elif way == "deleted":
        delete_users(users=[mira], by=boss, at=timezone.now())
    elif way == "new password":
        change_password(user=mira, current=PASSWORD, new="nine copper kettles", at=timezone.now())
    elif way == "by an admin":
        sign_in(client, boss)
        rows = list(ApiToken.objects.values_list("pk", flat=True))
        asked = {"action": "revoke", "_selected_action": rows}
        assert client.post("/admin/accounts/apitoken/", asked).status_code == 302
        assert client.get("/admin/accounts/apitoken/").status_code == 200
        client.cookies.clear()

    assert status(client, token) == 401


def test_another_person_neither_sees_nor_revokes_it(client):
    token = make_api_token(make_user())
    row = ApiToken.objects.get()
    sign_in(client, make_user(role="technician"))

    assert data_of(Trpc(client).query("auth.apiTokens")) == []
    assert refusal_of(Trpc(client).mutate("auth.revokeApiToken", {"id": row.pk}))[0] == 404
    client.post(f"/preferences/tokens/{row.pk}/revoke")
    client.cookies.clear()
    assert status(client, token) == 200


def test_what_it_may_follows_the_role_of_the_moment_and_its_words_say_why(client):
    mira = make_user(role="technician")
    full = Trpc(client, bearer=make_api_token(mira, "full"))
    read = Trpc(client, bearer=make_api_token(mira, "read"))
    made = {"deviceId": "press-1", "name": "Press", "type": "sensor"}

    data_of(full.mutate("devices.create", made))
    assert "beyond the scope" in refusal_of(read.mutate("devices.create", made))[2]
    assert "beyond the scope" in refusal_of(full.mutate("auth.createApiToken", MADE))[2]
    edit_user(user=mira, role="user")
    assert refusal_of(full.mutate("devices.create", made))[0] == 403

    done, *refused = AuditEntry.objects.order_by("pk")
    start = ApiToken.objects.order_by("pk").first().start
    assert (done.actor_name, done.by_token) == (str(mira), f"ERP ({start}…)")
    assert [(entry.outcome, entry.by_token[:3]) for entry in refused] == [("refused", "ERP")] * 3


def test_it_is_no_way_around_a_second_factor_that_its_owner_must_have(client, settings):
    mira = make_user()
    token = make_api_token(mira)
    settings.REQUIRE_TOTP = "all"

    held = Trpc(client, bearer=token).query("devices.list")
    assert held.json()["error"]["data"]["reason"] == "secondFactorMissing"
    assert status(client, token, "auth.secondFactor") == 403
    make_phone(mira)
    assert status(client, token) == 200
    second_factor.take_off(user=mira, at=timezone.now())
    assert status(client, token) == 403


def test_wrong_ones_are_counted_by_address_and_lock_out_nobody_who_has_a_right_one(client, settings):
    settings.RATE_LOGIN = Rate(1)  # ten wrong tokens
    token = make_api_token(make_user())

    told = [status(client, "fat_" + "x" * 43) for _ in range(11)]

    assert told == [401] * 10 + [429]
    assert status(client, token) == 200


def test_its_last_use_is_written_once_in_a_while(client, django_assert_num_queries):
    token = make_api_token(make_user())
    status(client, token, "auth.me")
    ApiToken.objects.update(last_used_at=NOON)
    status(client, token, "auth.me")
    used = ApiToken.objects.get().last_used_at

    with django_assert_num_queries(1):  # who it is
        status(client, token, "auth.me")
    assert used > NOON


@pytest.mark.django_db(transaction=True)
async def test_it_opens_ws_and_its_end_closes_what_it_opened():
    mira = await sync_to_async(make_user)()
    token = await sync_to_async(make_api_token)(mira)
    row = await ApiToken.objects.aget()

    async with connected(bearer=token) as socket:
        await socket.subscribe("alerts")
        assert (await socket.next("subscription_confirm"))[0] == "subscription_confirm"
        await sync_to_async(revoke_token)(token_id=row.pk, by=mira, at=timezone.now())
        assert await socket.closed_with() == STRANGER
    async with connected(bearer=token) as socket:
        assert await socket.closed_with() == STRANGER


def test_the_page_makes_shows_once_and_revokes(client):
    mira = make_user()
    make_device()
    sign_in(client, mira)
    typed = {"name": "Night export", "scope": "operate", "days": "30", "password": PASSWORD}

    assert client.post("/preferences/tokens", {**typed, "password": "x"}).status_code == 422
    shown = client.post("/preferences/tokens", typed)
    token = shown.context["token"]
    page = client.get("/preferences/tokens").content.decode()

    assert token in shown.content.decode()
    assert (token in page, "Night export" in page, "not used yet" in page) == (False, True, True)
    assert "1 program may speak in your name." in client.get("/preferences/").content.decode()
    assert token not in str(list(AuditEntry.objects.values()))
    row = ApiToken.objects.get()
    client.post(f"/preferences/tokens/{row.pk}/revoke")
    assert "You have no tokens." in client.get("/preferences/tokens").content.decode()
