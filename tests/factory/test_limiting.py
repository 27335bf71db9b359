"""Whose requests are counted together at our own doors, and which are not counted at all."""

import pytest

from factory.limits.rates import Rate
from factory.limits.shared import counter
from tests.builders import Trpc, make_device, make_token, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rates(settings):
    settings.RATE_USER, settings.RATE_DEVICE, settings.RATE_ADDRESS = Rate(4), Rate(3), Rate(2)


def statuses(ask, times):
    return [ask().status_code for _ in range(times)]


def test_a_person_is_counted_wherever_they_sit(client):
    sign_in(client, make_user())

    def ask(address):
        return client.get("/api/trpc/auth.me", REMOTE_ADDR=address)

    answers = [ask(f"203.0.113.{number}") for number in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert answers[0].headers["X-RateLimit-Limit"] == "4"


def test_two_people_at_one_address_do_not_share(client):
    for _ in range(2):
        sign_in(client, make_user())
        assert statuses(lambda: client.get("/api/trpc/auth.me"), 4) == [200] * 4


def test_a_device_is_counted_by_request_however_much_it_brings(client):
    device = Trpc(client, bearer=make_token(make_device()))
    body = {"readings": [{"data": {"temperature": 20.0}, "timestamp": 0}] * 50}

    answers = [device.mutate("readings.create", body) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [400] * 3 + [429]  # too old, and then too many
    assert refusal_of(answers[3])[1] == "TOO_MANY_REQUESTS"
    assert answers[0].headers["X-RateLimit-Limit"] == "3"


def test_two_tokens_of_a_device_share(client):
    device = make_device()
    for token in (make_token(device), make_token(device), make_token(device)):
        assert Trpc(client, bearer=token).query("commands.pending").status_code == 200

    assert Trpc(client, bearer=make_token(device)).query("commands.pending").status_code == 429


def test_strangers_are_counted_by_address(client):
    def ask(address):
        return client.get("/api/trpc/system.health", REMOTE_ADDR=address).status_code

    assert [ask(place) for place in ("203.0.113.7", "203.0.113.7", "203.0.113.7", "203.0.113.8")] == [
        200,
        200,
        429,
        200,
    ]


def test_a_wrong_token_makes_nobody_a_person(client):
    stranger = Trpc(client, bearer="not-a-token")

    assert statuses(lambda: stranger.query("devices.list"), 3) == [401, 401, 429]


def test_the_two_versions_and_the_twins_count_together(client):
    paths = ("/api/trpc/auth.me", "/api/v1/trpc/auth.me", "/api/auth/me")

    assert [client.get(path).status_code for path in paths] == [200, 200, 429]


def test_the_rest_of_the_api_is_counted_too(client):
    answers = [client.get("/api/firmware/1/file") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert refusal_of(answers[2])[1] == "TOO_MANY_REQUESTS"
    assert answers[0].headers["X-RateLimit-Remaining"] == "1"
    assert client.get("/api/trpc/auth.me").status_code == 429


@pytest.mark.parametrize("path", ["/health/live", "/sign-in", "/api/mqtt/auth"])
def test_pages_health_and_the_broker_are_not_counted(client, path):
    answers = [client.get(path) for _ in range(5)]

    assert len({answer.status_code for answer in answers}) == 1
    assert "X-RateLimit-Limit" not in answers[0].headers
    assert client.get("/api/trpc/auth.me").headers["X-RateLimit-Remaining"] == "1"


def test_with_redis_away_everybody_is_served(client):
    counter.fuse.blow(ConnectionError("away"))
    try:
        answers = [client.get(path) for path in ["/api/trpc/auth.me", "/api/firmware/1/file"] * 2]
    finally:
        counter.fuse.mend()

    assert [answer.status_code for answer in answers] == [200, 401, 200, 401]
    assert "X-RateLimit-Limit" not in answers[0].headers
