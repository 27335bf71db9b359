import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from factory.accounts.models import Session, User
from factory.accounts.services import (
    EmailTaken,
    LastAdmin,
    OwnAccount,
    UserUnknown,
    delete_users,
    edit_user,
)
from tests.builders import NOON, PASSWORD, make_user, sign_in

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"


@pytest.fixture
def boss(client):
    boss = make_user(role="admin", email="boss@example.com")
    sign_in(client, boss)
    return boss


def form_of(user, **changes):
    """What a browser would send for this person; `may_sign_in=None` unticks the box."""
    form = {"email": user.email, "name": user.name, "role": user.role, "new_password": "", "is_active": "on"}
    return {name: value for name, value in {**form, **changes}.items() if value is not None}


def errors_of(response):
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def words_of(response):
    return [str(message) for message in response.context["messages"]]


def test_an_e_mail_is_kept_as_sign_in_compares_it(client, boss):
    client.post(
        f"{PEOPLE}add/",
        {
            "email": " Zed@EXAMPLE.com ",
            "name": "",
            "role": "user",
            "new_password": PASSWORD,
            "is_active": "on",
        },
    )
    zed = User.objects.get(email="zed@example.com")

    client.post(f"{PEOPLE}{zed.pk}/change/", form_of(zed, email="ZOE@example.com "))

    zed.refresh_from_db()
    assert zed.email == "zoe@example.com"
    assert edit_user(user=zed, email=" Zed@example.com").email == "zed@example.com"


def test_one_added_without_the_right_to_sign_in_has_none(client, boss):
    client.post(f"{PEOPLE}add/", {"email": "zed@example.com", "role": "user", "new_password": PASSWORD})

    assert list(User.objects.filter(email="zed@example.com").values_list("is_active", flat=True)) == [False]


def test_an_e_mail_of_somebody_else_is_refused_in_the_form_and_by_the_service(client, boss):
    mira = make_user(email="mira@example.com")
    taken = {"email": ["User with this Email already exists."]}

    assert (
        errors_of(client.post(f"{PEOPLE}{mira.pk}/change/", form_of(mira, email="Boss@Example.com"))) == taken
    )
    new = {"email": "BOSS@example.com", "role": "user", "new_password": PASSWORD}
    assert errors_of(client.post(f"{PEOPLE}add/", new)) == taken
    with pytest.raises(EmailTaken):
        edit_user(user=mira, email="BOSS@example.com")
    assert User.objects.get(pk=mira.pk).email == "mira@example.com"


def test_a_refused_password_is_told_at_its_field(client, boss):
    mira = make_user()

    response = client.post(f"{PEOPLE}{mira.pk}/change/", form_of(mira, new_password="12345678"))

    assert list(errors_of(response)) == ["new_password"]


@pytest.mark.parametrize(
    ("change", "field"), [({"role": "user"}, "role"), ({"is_active": None}, "is_active")]
)
def test_the_last_admin_stays_one(client, boss, change, field):
    retired = make_user(role="admin")
    edit_user(user=retired, is_active=False)

    response = client.post(f"{PEOPLE}{boss.pk}/change/", form_of(boss, **change))

    assert errors_of(response) == {field: ["is that of the last admin who can sign in"]}
    boss.refresh_from_db()
    assert (boss.role, boss.is_active) == ("admin", True)
    with pytest.raises(LastAdmin):
        edit_user(user=boss, **{name: value or False for name, value in change.items()})


def test_with_another_admin_one_may_go(client, boss):
    other = make_user(role="admin")

    client.post(f"{PEOPLE}{other.pk}/change/", form_of(other, role="user"))
    assert User.objects.get(pk=other.pk).role == "user"
    edit_user(user=other, role="admin")
    client.post(f"{PEOPLE}{other.pk}/change/", form_of(other, is_active=None))
    assert User.objects.get(pk=other.pk).is_active is False


def test_who_has_signed_in_can_be_deleted_and_is_signed_out(client, boss):
    mira, noor = make_user(), make_user()
    theirs = Client()
    for user in (mira, noor):
        sign_in(theirs, user)

    page = client.get(f"{PEOPLE}{mira.pk}/delete/")
    client.post(f"{PEOPLE}{mira.pk}/delete/", {"post": "yes"})
    assert "Yes, I" in page.content.decode()
    assert list(User.objects.order_by("pk")) == [boss, noor]
    client.post(PEOPLE, {"action": "delete_selected", "_selected_action": noor.pk, "post": "yes"})

    assert list(User.objects.all()) == [boss]
    assert list(Session.objects.values_list("user_id", flat=True).distinct()) == [boss.pk]
    assert theirs.get("/")["Location"].startswith("/sign-in")


def test_nobody_deletes_themselves(client, boss):
    make_user(role="admin")
    refusal = ["You cannot delete yourself."]

    one = client.post(f"{PEOPLE}{boss.pk}/delete/", {"post": "yes"}, follow=True)
    many = {"action": "delete_selected", "_selected_action": boss.pk, "post": "yes"}

    assert words_of(one) == refusal
    assert words_of(client.post(PEOPLE, many, follow=True)) == refusal
    assert User.objects.count() == 2
    assert LogEntry.objects.count() == 0
    with pytest.raises(OwnAccount):
        delete_users(users=[boss], by=boss, at=NOON)


def test_the_last_admin_is_not_deleted():
    boss, mira = make_user(role="admin"), make_user()

    with pytest.raises(LastAdmin):
        delete_users(users=[boss], by=mira, at=NOON)
    assert delete_users(users=[mira], by=boss, at=NOON) == 1
    assert list(User.objects.all()) == [boss]


def test_one_who_is_gone_is_not_edited():
    mira = make_user()
    User.objects.all().delete()

    with pytest.raises(UserUnknown):
        edit_user(user=mira, name="Mira")


def test_editing_writes_only_what_was_changed():
    stale, fresh = make_user(name="Mira"), User.objects.get()
    edit_user(user=fresh, role="operator")

    edit_user(user=stale, name="Mira B.")

    assert User.objects.values_list("name", "role").get() == ("Mira B.", "operator")


def test_saving_a_session_page_changes_nothing(client, boss):
    session = Session.objects.get()
    page = f"/admin/accounts/session/{session.pk}/change/"

    assert session.token_id not in client.get(page).content.decode()
    Session.objects.filter(pk=session.pk).update(address="10.0.0.1")
    assert client.post(page, {"address": "nowhere"}).status_code == 302
    assert Session.objects.get().address == "10.0.0.1"


def test_what_no_form_foresaw_is_told_in_words(client, boss, monkeypatch):
    """Somebody takes the e-mail between the form's look and the write."""
    from factory.accounts import services

    mira = make_user(email="mira@example.com")

    def somebody_was_faster(**_changes):
        raise EmailTaken("This e-mail is in use already.")

    monkeypatch.setattr(services, "edit_user", somebody_was_faster)
    response = client.post(f"{PEOPLE}{mira.pk}/change/", form_of(mira, name="Mira"), follow=True)

    assert words_of(response) == ["This e-mail is in use already."]
    assert re.match(rf"{PEOPLE}\d+/change/", response.redirect_chain[0][0])


@pytest.mark.django_db(transaction=True)
def test_deleting_a_person_ends_their_sockets(monkeypatch):
    from factory.live.broadcast import broadcaster, credential_group

    boss, mira = make_user(role="admin"), make_user()
    sign_in(Client(), mira)
    session = Session.objects.get()
    ended = []
    monkeypatch.setattr(broadcaster, "send", lambda group, message: ended.append((group, message["type"])))

    delete_users(users=[mira], by=boss, at=timezone.now())

    assert ended == [(credential_group(f"session-{session.pk}"), "live.end")]
