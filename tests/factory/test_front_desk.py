"""What the front desk promises of every door: JSON under `/api/`, health, headers, and loud refusals at start."""

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError
from django.test import Client, override_settings
from django.utils import timezone

from factory import draining, health
from factory.checks import secret_key_is_long_enough
from factory.env import Env
from factory.live.broadcast import broadcaster
from tests.builders import PASSWORD, make_user, sign_in
from tests.ota.storing import use_storage
from tests.services import free_port

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/api/", "/api/nope", "/api/auth/nope", "/api/trpc", "/api/trpc/", "/api/trpc/no.such"]
)
def test_what_is_not_there_under_api_is_json(client, path):
    response = client.get(path)

    assert (response.status_code, response.headers["content-type"]) == (404, "application/json")
    assert response.json()["error"]["data"]["code"] == "NOT_FOUND"


def test_what_is_not_there_elsewhere_is_a_page(client):
    response = client.get("/nope")

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


def test_a_missing_page_offers_a_search_to_whoever_has_signed_in(client):
    assert 'action="/search"' not in client.get("/nope").content.decode()

    sign_in(client, make_user())

    assert 'action="/search"' in client.get("/nope").content.decode()


def test_an_unknown_host_is_refused_as_json_under_api():
    response = Client(headers={"host": "evil.example"}).get("/api/trpc/auth.me")

    assert response.status_code == 400
    assert response.json()["error"]["data"]["code"] == "BAD_REQUEST"


def test_a_bug_is_told_without_its_words(client, monkeypatch):
    sign_in(client, make_user())
    client.raise_request_exception = False
    monkeypatch.setattr("analytics.api.overview.device_stats", lambda: 1 / 0)

    response = client.get("/api/trpc/analytics.getOverview")

    assert response.status_code == 500
    assert response.json()["error"]["message"] == "Internal server error"
    assert b"division" not in response.content


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (OperationalError(2013, "Lost connection to server during query"), 503, "2"),
        (InterfaceError(0, ""), 503, "2"),
        (ValueError("Lost."), 500, None),
    ],
)
def test_a_page_tells_a_database_that_is_away_from_a_bug(client, monkeypatch, error, status, again):
    """The database's failure is raised in place of the work, as the driver would raise it."""

    def fail(**given):
        raise error

    monkeypatch.setattr("factory.accounts.services.sign_in", fail)
    client.raise_request_exception = False

    response = client.post("/sign-in", {"email": make_user().email, "password": PASSWORD})

    assert (response.status_code, response.headers.get("Retry-After")) == (status, again)
    assert b"Lost" not in response.content


def test_forms_keep_their_csrf_tokens():
    client = Client(enforce_csrf_checks=True)

    response = client.post("/sign-in", {"email": make_user().email, "password": PASSWORD})

    assert response.status_code == 403
    assert "app_session_id" not in response.cookies


def test_pages_forbid_scripts_that_are_not_ours_and_framing(client):
    headers = client.get("/sign-in").headers

    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


class TestSignIn:
    def post(self, client, **data):
        return client.post(
            "/sign-in", {"email": make_user(email="mira@example.com").email, "password": PASSWORD, **data}
        )

    def test_it_goes_on_to_where_one_was_going(self, client):
        response = self.post(client, next="/alerts/?status=open")

        assert (response.status_code, response["Location"]) == (302, "/alerts/?status=open")
        assert response.cookies["app_session_id"]["httponly"]

    @pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
    def test_it_never_leads_away(self, client, where):
        assert self.post(client, next=where)["Location"] == "/"

    def test_a_wrong_password_says_so_on_the_page(self, client):
        response = self.post(client, password="wrong")

        assert response.status_code == 401
        assert b"E-mail or password is wrong." in response.content

    def test_signing_out_ends_the_session(self, client):
        sign_in(client, make_user())
        assert client.get("/").status_code == 200

        response = client.post("/sign-out")

        assert response["Location"] == "/sign-in"
        assert client.get("/")["Location"].startswith("/sign-in")

    def test_the_admin_is_for_admins_and_signs_in_by_the_same_door(self, client):
        response = client.get("/admin/", follow=True)
        assert response.redirect_chain[-1][0].startswith("/sign-in?next=")

        sign_in(client, make_user(role="technician"))
        assert client.get("/admin/").status_code == 302
        sign_in(client, make_user(role="admin"))
        assert client.get("/admin/").status_code == 200


@pytest.mark.usefixtures("workers_at_work")
class TestHealth:
    def test_alive(self, client):
        assert client.get("/health/live").json() == {"status": "ok"}

    def test_ready(self, client):
        response = client.get("/health/ready")

        assert (response.status_code, response.json()) == (200, {"status": "ok", "down": []})

    def test_without_redis_it_is_degraded_but_ready(self, client, settings, monkeypatch):
        monkeypatch.setattr(health, "_redis", None)
        settings.REDIS_URL = "redis://127.0.0.1:9"

        response = client.get("/health/ready")

        assert (response.status_code, response.json()) == (200, {"status": "degraded", "down": ["redis"]})
        monkeypatch.setattr(health, "_redis", None)

    def test_when_news_does_not_get_out_it_is_degraded(self, client, monkeypatch):
        monkeypatch.setattr(broadcaster, "failing", True)

        assert client.get("/health/ready").json()["down"] == ["live"]

    def test_without_workers_a_full_disk_or_a_storage_it_is_degraded(self, client, monkeypatch, settings):
        monkeypatch.setattr(health, "_began", 0.0)
        cache.delete(health.HEARTBEAT)
        settings.DISK_FREE_MB = 10**12
        use_storage(settings, f"s3://key:secret@127.0.0.1:{free_port()}/bucket?tls=0")

        assert client.get("/health/ready").json() == {
            "status": "degraded",
            "down": ["storage", "workers", "disk"],
        }

    def test_while_the_mail_server_takes_nothing_it_is_degraded(self, client):
        from alerts.models import Outage

        now = timezone.now()
        Outage.objects.create(transport="email", since=now, retry_at=now, error="refused")

        answer = client.get("/health/ready").json()
        assert answer == {"status": "degraded", "down": ["email"]}

    def test_while_draining_it_is_not_ready(self, client, monkeypatch):
        monkeypatch.setattr(draining, "_begun", type("Begun", (), {"is_set": staticmethod(lambda: True)}))

        response = client.get("/health/ready")

        assert (response.status_code, response.json()) == (503, {"status": "down", "down": ["draining"]})


class TestEnvironment:
    @pytest.mark.parametrize(
        ("read", "value", "reason"),
        [
            (lambda env: env.integer("X", 1), "many", "X='many' is not a whole number."),
            (lambda env: env.integer("X", 1, low=1, high=9), "10", "X='10' is not between 1 and 9."),
            (lambda env: env.flag("X", default=True), "maybe", "X='maybe' is not a switch (1 or 0)."),
            (lambda env: env.choice("X", "a", {"a", "b"}), "c", "X='c' is not one of a, b."),
            (
                lambda env: env.url("X", "", {"redis"}),
                "http://h",
                "X='http://h' is not a URL starting with redis://.",
            ),
            (
                lambda env: env.time_zone("X", "UTC"),
                "Mars",
                "X='Mars' is not a time zone such as Europe/Berlin.",
            ),
            (lambda env: env.email("X"), "nobody", "X='nobody' is not an e-mail address."),
        ],
    )
    def test_a_wrong_value_is_refused_with_the_name_and_the_reason(self, read, value, reason):
        with pytest.raises(ImproperlyConfigured) as refusal:
            read(Env({"X": value}))

        assert str(refusal.value) == reason

    def test_an_empty_value_is_the_default(self):
        assert Env({"X": " "}).integer("X", 7) == 7
        assert Env({}).words("X", "a, b,") == ["a", "b"]

    def test_a_short_secret_key_is_refused(self):
        with override_settings(SECRET_KEY="short"):
            assert [problem.id for problem in secret_key_is_long_enough(None)] == ["factory.E001"]


@pytest.mark.django_db(transaction=True)
def test_a_form_that_lost_a_deadlock_is_carried_out_again(client, monkeypatch):
    """The database's refusal is raised once in place of the work, as MariaDB would raise it."""
    from factory.accounts import services

    user = make_user()
    real, refusals = services.sign_in, [OperationalError(1213, "Deadlock found when trying to get lock")]

    def sign_in_once_refused(**given):
        if refusals:
            raise refusals.pop()
        return real(**given)

    monkeypatch.setattr(services, "sign_in", sign_in_once_refused)

    response = client.post("/sign-in", {"email": user.email, "password": PASSWORD})

    assert (response.status_code, refusals) == (302, [])
