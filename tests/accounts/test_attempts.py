"""Signing in and registering has limits of its own, and nobody can lock out somebody else."""

import pytest

from factory.limits.rates import Rate
from factory.limits.shared import FUSE
from tests.builders import PASSWORD, Trpc, make_user, refusal_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _three_a_minute(settings):
    settings.RATE_LOGIN = Rate(3)


def log_in(client, email, password=PASSWORD, address="203.0.113.7"):
    client.cookies.clear()
    return client.post(
        "/api/trpc/auth.login",
        {"email": email, "password": password},
        content_type="application/json",
        REMOTE_ADDR=address,
    )


def page(client, email, password, address="203.0.113.7"):
    client.cookies.clear()
    return client.post("/sign-in", {"email": email, "password": password}, REMOTE_ADDR=address).status_code


def test_an_address_may_sign_in_so_often(client):
    mira = make_user(email="mira@example.com")

    answers = [log_in(client, mira.email) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"3"}
    assert refusal_of(answers[3])[1] == "TOO_MANY_REQUESTS"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 61
    assert log_in(client, mira.email, address="203.0.113.8").status_code == 200


def test_the_plain_twin_counts_in_the_same_place(client):
    make_user(email="mira@example.com")
    for _ in range(3):
        log_in(client, "mira@example.com")
    client.cookies.clear()

    answer = client.post(
        "/api/auth/login",
        {"email": "mira@example.com", "password": PASSWORD},
        content_type="application/json",
        REMOTE_ADDR="203.0.113.7",
    )

    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert "Retry-After" in answer.headers


def test_registrations_are_counted_for_themselves(client, settings):
    settings.REGISTRATION = "open"
    make_user(email="mira@example.com")
    for _ in range(3):
        log_in(client, "mira@example.com")

    statuses = [
        Trpc(client)
        .mutate("auth.register", {"email": f"new{number}@example.com", "password": PASSWORD, "name": "New"})
        .status_code
        for number in range(4)
    ]

    assert statuses == [200, 200, 200, 429]


def test_who_was_wrong_too_often_is_refused_there_and_nowhere_else(client):
    make_user(email="mira@example.com")
    make_user(email="noor@example.com")

    wrong = [page(client, "mira@example.com", "wrong") for _ in range(3)]

    assert wrong == [401, 401, 401]
    assert page(client, "Mira@example.com", PASSWORD) == 429  # the right one as well, from there
    assert page(client, "noor@example.com", PASSWORD) == 302
    assert page(client, "mira@example.com", PASSWORD, address="203.0.113.8") == 302


def test_failures_on_the_page_count_for_the_api(client):
    make_user(email="mira@example.com")
    for _ in range(3):
        page(client, "mira@example.com", "wrong")

    assert log_in(client, "mira@example.com").status_code == 429


def test_an_unknown_e_mail_is_refused_as_one_that_is_known(client):
    statuses = [page(client, "nobody@example.com", "wrong") for _ in range(4)]

    assert statuses == [401, 401, 401, 429]


def test_being_right_uses_up_nothing(client):
    make_user(email="mira@example.com")

    assert [page(client, "mira@example.com", PASSWORD) for _ in range(5)] == [302] * 5


def test_without_redis_each_process_counts_for_itself(client):
    make_user(email="mira@example.com")
    FUSE.blow(ConnectionError("away"))
    try:
        statuses = [log_in(client, "mira@example.com").status_code for _ in range(4)]
    finally:
        FUSE.mend()

    assert statuses == [200, 200, 200, 429]


def test_switched_off_nobody_counts(client, settings):
    settings.RATE_LOGIN = None
    make_user(email="mira@example.com")

    answers = [log_in(client, "mira@example.com") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert answers[0].headers["X-RateLimit-Limit"] == "100"  # that of a stranger's address
