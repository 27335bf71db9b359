"""A second factor: set up, asked for, used once, recovered, taken off."""

import orjson
import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import timezone

from factory.accounts import second_factor
from factory.accounts.models import AuditEntry, RecoveryCode, SecondFactor, Session
from factory.accounts.second_step import SecondFactorWrong, check_code
from factory.limits.rates import Rate
from tests.accounts.second_factors import STEP, make_phone
from tests.builders import NOON, PASSWORD, Trpc, data_of, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db


def log_in(client, user, **more):
    client.cookies.clear()
    return Trpc(client).mutate("auth.login", {"email": user.email, "password": PASSWORD, **more})


def reason_of(response):
    return orjson.loads(response.content)["error"]["data"].get("reason")


def test_set_up_over_the_api_and_sign_in_with_a_code(client):
    user = make_user()
    elsewhere = sign_in(client, user)
    here = sign_in(client, user)
    api = Trpc(client)
    setup = data_of(api.mutate("auth.beginSecondFactor", {"password": PASSWORD}))
    assert log_in(client, user).status_code == 200  # not confirmed yet
    client.cookies["app_session_id"] = here

    now = timezone.now()
    app = second_factor.codes.TOTP(setup["secret"])
    codes = data_of(api.mutate("auth.confirmSecondFactor", {"code": app.at(now)}))["recoveryCodes"]

    assert len(codes) == 10
    assert data_of(api.query("auth.secondFactor"))["recoveryCodesLeft"] == 10
    assert data_of(Trpc(client, bearer=elsewhere).query("auth.me")) is None
    refused = log_in(client, user)
    assert (refusal_of(refused)[:2], reason_of(refused)) == ((401, "UNAUTHORIZED"), "secondFactorNeeded")
    assert "app_session_id" not in refused.cookies
    assert data_of(log_in(client, user, code=app.at(now + STEP)))["user"]["id"] == user.pk


def test_the_plain_twin_tells_the_reason_too(client):
    phone = make_phone()

    answer = client.post(
        "/api/auth/login",
        {"email": phone.owner.email, "password": PASSWORD},
        content_type="application/json",
    )

    assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (
        401,
        "UNAUTHORIZED",
        "secondFactorNeeded",
    )


def test_a_stranger_learns_nothing_before_the_password_is_right(client):
    phone = make_phone()

    answer = Trpc(client).mutate(
        "auth.login", {"email": phone.owner.email, "password": "wrong", "code": phone.code()}
    )

    assert (refusal_of(answer)[2], reason_of(answer)) == ("E-mail or password is wrong.", None)
    assert log_in(client, phone.owner, code=phone.code()).status_code == 200  # and the code is not used up


def test_a_code_opens_once(client):
    phone = make_phone()
    code = phone.code()

    assert log_in(client, phone.owner, code=code).status_code == 200
    again = log_in(client, phone.owner, code=code)

    assert (again.status_code, reason_of(again)) == (401, "secondFactorWrong")


def test_a_code_older_than_the_newest_used_opens_nothing():
    phone = make_phone(at=NOON)
    check_code(user=phone.owner, code=phone.code(NOON + STEP), at=NOON, address="")

    with pytest.raises(SecondFactorWrong):
        check_code(user=phone.owner, code=phone.code(NOON), at=NOON, address="")


def test_a_recovery_code_opens_once_and_is_kept_only_as_a_digest(client):
    phone = make_phone()
    code = phone.recovery_codes[3]

    assert log_in(client, phone.owner, code=code.upper()).status_code == 200
    assert log_in(client, phone.owner, code=code).status_code == 401

    assert second_factor.standing_of(phone.owner).recovery_codes_left == 9
    assert code not in {row.digest for row in RecoveryCode.objects.all()}


def test_anothers_recovery_code_opens_nothing(client):
    mira, noor = make_phone(), make_phone()

    assert log_in(client, mira.owner, code=noor.recovery_codes[0]).status_code == 401


def test_wrong_codes_are_counted_and_lock_out_only_that_address(client, settings):
    settings.RATE_LOGIN = Rate(3)
    phone = make_phone()

    def try_code(code, address):
        with pytest.raises(Exception) as refusal:
            check_code(user=phone.owner, code=code, at=timezone.now(), address=address)
        return type(refusal.value).__name__

    told = [try_code("000000", "203.0.113.7") for _ in range(4)]

    assert told == ["SecondFactorWrong"] * 3 + ["TooMany"]
    check_code(user=phone.owner, code=phone.code(), at=timezone.now(), address="203.0.113.8")


def test_from_many_addresses_an_account_is_not_guessed_either(settings):
    settings.RATE_LOGIN = Rate(1)
    phone = make_phone()
    names = []
    for number in range(11):
        try:
            check_code(user=phone.owner, code="000000", at=timezone.now(), address=f"203.0.113.{number}")
        except Exception as refusal:
            names.append(type(refusal).__name__)

    assert names == ["SecondFactorWrong"] * 10 + ["TooMany"]


def test_the_secret_is_sealed_in_the_database():
    phone = make_phone()

    kept = SecondFactor.objects.get(user=phone.owner).secret

    assert (phone.secret in kept, kept == "") == (False, False)


@pytest.mark.parametrize("proof", ["password", "code", "recovery code"])
def test_a_person_takes_it_off_by_password_or_code(client, proof):
    phone = make_phone()
    sign_in(client, phone.owner)
    given = {
        "password": {"password": PASSWORD},
        "code": {"code": phone.code()},
        "recovery code": {"code": phone.recovery_codes[0]},
    }[proof]

    assert data_of(Trpc(client).mutate("auth.disableSecondFactor", given)) == {"success": True}

    assert SecondFactor.objects.count() == RecoveryCode.objects.count() == 0
    assert log_in(client, phone.owner).status_code == 200


@pytest.mark.parametrize(
    ("given", "field"), [({}, "password"), ({"password": "x"}, "password"), ({"code": "1"}, "code")]
)
def test_without_proof_it_stays(client, given, field):
    phone = make_phone()
    sign_in(client, phone.owner)

    for name in ("disableSecondFactor", "renewRecoveryCodes"):
        answer = Trpc(client).mutate(f"auth.{name}", given)
        assert list(orjson.loads(answer.content)["error"]["data"]["fieldErrors"]) == [field]

    assert second_factor.standing_of(phone.owner).recovery_codes_left == 10


def test_new_recovery_codes_replace_the_old(client):
    phone = make_phone()
    sign_in(client, phone.owner)

    new = data_of(Trpc(client).mutate("auth.renewRecoveryCodes", {"password": PASSWORD}))["recoveryCodes"]

    assert log_in(client, phone.owner, code=phone.recovery_codes[0]).status_code == 401
    assert log_in(client, phone.owner, code=new[0]).status_code == 200


def test_setting_up_asks_for_the_password_and_ends_after_a_while(client):
    user = make_user()
    sign_in(client, user)
    session = Session.objects.get(user=user)

    assert refusal_of(Trpc(client).mutate("auth.beginSecondFactor", {"password": "x"}))[0] == 400
    setup = second_factor.begin_setup(user=user, password=PASSWORD, at=NOON)
    late = NOON + second_factor.SETUP_LASTS
    with pytest.raises(second_factor.SecondFactorOff):
        second_factor.confirm_setup(
            user=user, code=second_factor.codes.TOTP(setup.secret).at(late), session=session, at=late
        )


def test_who_has_one_does_not_begin_another(client):
    phone = make_phone()
    sign_in(client, phone.owner)

    answer = Trpc(client).mutate("auth.beginSecondFactor", {"password": PASSWORD})

    assert refusal_of(answer)[:2] == (409, "CONFLICT")
    assert log_in(client, phone.owner, code=phone.code()).status_code == 200


@pytest.mark.parametrize("name", ["beginSecondFactor", "confirmSecondFactor", "disableSecondFactor"])
def test_a_stranger_sets_nothing_up(client, name):
    answer = Trpc(client).mutate(f"auth.{name}", {"password": "x", "code": "1"})

    assert refusal_of(answer)[:2] == (401, "UNAUTHORIZED")


def test_an_admin_takes_it_off_for_somebody_and_that_is_written_down(client):
    phone = make_phone()
    theirs = sign_in(client, phone.owner)
    boss = make_phone(make_user(role="admin"))
    sign_in(client, boss.owner)

    client.post(
        "/admin/accounts/user/",
        {"action": "take_second_factor_off", "_selected_action": [phone.owner.pk, boss.owner.pk]},
    )

    assert [row.user_id for row in SecondFactor.objects.all()] == [boss.owner.pk]  # not one's own
    entry = AuditEntry.objects.filter(action="accounts.user.take_second_factor_off").get()
    assert (entry.target_id, entry.before, entry.after) == (
        str(phone.owner.pk),
        {"secondFactor": "on"},
        {"secondFactor": "off"},
    )
    client.cookies.clear()
    assert data_of(Trpc(client, bearer=theirs).query("auth.me")) is None


def test_no_code_is_in_the_audit_log(client):
    phone = make_phone()
    log_in(client, phone.owner, code="123456")
    page = client.post("/sign-in", {"email": phone.owner.email, "password": PASSWORD})
    ticket = page.context["form"].initial["password_token"]
    client.post("/sign-in/code", {"password_token": ticket, "one_time_password": phone.recovery_codes[0]})

    rows = list(AuditEntry.objects.order_by("pk"))

    assert [(row.action, row.outcome) for row in rows] == [
        ("auth.login", "refused"),
        ("sign-in", "refused"),
        ("sign-in-code", "done"),
    ]
    told = str([row.asked for row in rows])
    assert ("123456" in told, phone.recovery_codes[0] in told, ticket in told) == (False, False, False)
    assert (rows[2].actor_id, rows[2].after) == (phone.owner.pk, {"recoveryCodes": 9})


@pytest.fixture(autouse=True)
def _counted_anew():
    cache.clear()


def test_a_command_helps_the_only_admin_who_has_lost_both_and_is_audited(client):
    phone = make_phone(make_user(role="admin"))

    call_command("take_second_factor_off", phone.owner.email.upper())

    assert log_in(client, phone.owner).status_code == 200
    entry = AuditEntry.objects.get(action="take_second_factor_off")
    assert (entry.source, entry.outcome, entry.actor_id) == ("console", "done", None)
    assert (entry.target_label, entry.before, entry.after) == (
        phone.owner.email,
        {"secondFactor": "on"},
        {"secondFactor": "off"},
    )
    for wrong in (phone.owner.email, "nobody@example.com"):
        with pytest.raises(CommandError):
            call_command("take_second_factor_off", wrong)
    assert AuditEntry.objects.filter(source="console").count() == 1
