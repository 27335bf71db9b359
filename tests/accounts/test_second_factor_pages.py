"""The second factor as people meet it: at the sign-in page, on its own page, and where the plant asks for one."""

import pytest
from django.utils import timezone
from pyotp import TOTP

from factory.accounts.models import SecondFactor
from factory.accounts.second_factor import take_off
from factory.accounts.services import set_password
from factory.limits.rates import Rate
from tests.accounts.second_factors import make_phone
from tests.builders import PASSWORD, Trpc, data_of, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db


def first_step(client, user, next=""):
    page = client.post("/sign-in", {"email": user.email, "password": PASSWORD, "next": next})
    assert (page.status_code, page.templates[0].name) == (200, "accounts/sign_in_code.html")
    assert "app_session_id" not in page.cookies
    return {**page.context["form"].initial}


def second_step(client, fields, code):
    return client.post("/sign-in/code", {**fields, "one_time_password": code})


@pytest.mark.parametrize("where", ["/devices/", "/admin/"])
def test_password_then_code_leads_to_where_one_was_going(client, where):
    phone = make_phone(make_user(role="admin"))

    answer = second_step(client, first_step(client, phone.owner, where), phone.code())

    assert (answer.status_code, answer["Location"]) == (302, where)
    assert client.get(where).status_code == 200


def test_it_never_leads_away_from_this_site(client):
    phone = make_phone()

    answer = second_step(client, first_step(client, phone.owner, "https://evil.example/"), phone.code())

    assert answer["Location"] == "/"


def test_a_wrong_code_is_told_and_may_be_tried_again(client):
    phone = make_phone()
    fields = first_step(client, phone.owner)

    wrong = second_step(client, fields, "000000")

    assert (wrong.status_code, "app_session_id" in wrong.cookies) == (401, False)
    assert wrong.context["form"].errors["one_time_password"] == ["That code is wrong, or was used already."]
    assert second_step(client, fields, phone.code()).status_code == 302


def test_too_many_wrong_codes_are_refused(client, settings):
    settings.RATE_LOGIN = Rate(3)
    phone = make_phone()
    fields = first_step(client, phone.owner)

    statuses = [second_step(client, fields, "000000").status_code for _ in range(4)]

    assert statuses == [401, 401, 401, 429]


@pytest.mark.parametrize("ticket", ["", "x", "WzEsICJ4Il0:1:x"])
def test_without_the_password_there_is_no_second_step(client, ticket):
    phone = make_phone()

    answer = second_step(client, {"password_token": ticket}, phone.code())

    assert (answer.status_code, answer["Location"]) == (302, "/sign-in")
    assert "app_session_id" not in answer.cookies


def test_a_changed_password_ends_a_second_step_under_way(client):
    phone = make_phone()
    fields = first_step(client, phone.owner)
    set_password(user=phone.owner, password="nine copper kettles", at=timezone.now())

    assert second_step(client, fields, phone.code())["Location"] == "/sign-in"


def test_failures_from_one_address_are_counted_across_e_mails(client, settings):
    settings.RATE_LOGIN = Rate(1)

    statuses = [
        client.post("/sign-in", {"email": f"p{number}@example.com", "password": "x"}).status_code
        for number in range(11)
    ]

    assert statuses == [401] * 10 + [429]


def test_set_up_on_the_page(client):
    user = make_user()
    sign_in(client, user)
    assert client.post("/second-factor/begin", {"password": "wrong"}).status_code == 422

    client.post("/second-factor/begin", {"password": PASSWORD})
    page = client.get("/second-factor").content.decode()
    secret = page.split('<code class="key">')[1].split("<")[0]
    wrong = client.post("/second-factor/confirm", {"one_time_password": "000000"})
    right = client.post("/second-factor/confirm", {"one_time_password": TOTP(secret).at(timezone.now())})

    assert "<svg" in page
    assert wrong.status_code == 422
    assert len(right.context["codes"]) == 10
    assert secret not in client.get("/second-factor").content.decode()
    assert "10 recovery codes are left" in client.get("/preferences/").content.decode()


def test_new_codes_and_off_ask_for_the_password(client):
    phone = make_phone()
    sign_in(client, phone.owner)

    assert client.post("/second-factor/recovery-codes", {"password": "x"}).status_code == 422
    assert client.post("/second-factor/off", {"password": "x"}).status_code == 422
    renewed = client.post("/second-factor/recovery-codes", {"password": PASSWORD})
    assert set(renewed.context["codes"]) & set(phone.recovery_codes) == set()
    assert client.post("/second-factor/off", {"password": PASSWORD})["Location"] == "/preferences/"
    assert SecondFactor.objects.count() == 0


def test_a_stranger_is_sent_to_sign_in(client):
    assert client.get("/second-factor")["Location"].startswith("/sign-in?next=")
    assert client.post("/second-factor/off", {"password": "x"})["Location"].startswith("/sign-in?next=")


class TestRequired:
    @pytest.fixture(autouse=True)
    def _of_admins(self, settings):
        settings.REQUIRE_TOTP = "admin"

    def test_an_admin_without_one_gets_no_further_than_its_page(self, client):
        sign_in(client, make_user(role="admin"))

        for path in ("/", "/devices/", "/admin/", "/admin/accounts/user/", "/preferences/"):
            assert client.get(path)["Location"] == "/second-factor"
        assert client.post("/sign-out").status_code == 302

    def test_a_part_of_a_page_leads_there_as_a_whole(self, client):
        sign_in(client, make_user(role="admin"))

        answer = client.get("/devices/", headers={"hx-request": "true"})

        assert (answer.status_code, answer["HX-Redirect"]) == (403, "/second-factor")

    def test_procedures_say_why(self, client):
        sign_in(client, make_user(role="admin"))

        answer = Trpc(client).query("devices.list")

        assert refusal_of(answer)[:2] == (403, "FORBIDDEN")
        assert answer.json()["error"]["data"]["reason"] == "secondFactorMissing"
        assert Trpc(client).mutate("auth.renewRecoveryCodes", {"password": PASSWORD}).status_code == 403

    def test_setting_it_up_opens_everything(self, client):
        sign_in(client, make_user(role="admin"))
        api = Trpc(client)
        assert data_of(api.query("auth.secondFactor"))["missing"] is True
        secret = data_of(api.mutate("auth.beginSecondFactor", {"password": PASSWORD}))["secret"]
        api.mutate("auth.confirmSecondFactor", {"code": TOTP(secret).at(timezone.now())})

        assert data_of(api.query("auth.secondFactor"))["missing"] is False
        assert api.query("devices.list").status_code == 200
        assert client.get("/admin/").status_code == 200

    def test_taken_off_it_is_asked_for_again(self, client):
        phone = make_phone(make_user(role="admin"))
        take_off(user=phone.owner, at=timezone.now())
        sign_in(client, phone.owner)

        assert client.get("/")["Location"] == "/second-factor"

    def test_others_and_strangers_are_left_alone(self, client, settings):
        assert client.get("/")["Location"].startswith("/sign-in")
        sign_in(client, make_user(role="technician"))
        assert client.get("/devices/").status_code == 200

        settings.REQUIRE_TOTP = "all"
        assert client.get("/devices/")["Location"] == "/second-factor"
