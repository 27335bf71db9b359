import jwt
import orjson
import pytest
from django.utils import timezone

from factory.accounts.models import Session, User
from factory.accounts.services import ensure_first_admin
from factory.accounts.services import sign_in as open_by_password
from factory.accounts.tokens import names_in
from tests.builders import PASSWORD, Trpc, data_of, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db
COOKIE = "app_session_id"


def log_in(client, user, password=PASSWORD):
    return Trpc(client).mutate("auth.login", {"email": user.email, "password": password})


def test_signing_in_gives_the_token_the_user_and_a_guarded_cookie(client):
    user = make_user(email="mira@example.com", name="Mira")

    response = log_in(client, user)

    data = data_of(response)
    cookie = response.cookies[COOKIE]
    assert data["user"] == {
        "id": user.pk,
        "openId": user.open_id,
        "email": "mira@example.com",
        "name": "Mira",
        "role": "user",
        "createdAt": data["user"]["createdAt"],
        "lastSignedIn": data["user"]["lastSignedIn"],
    }
    assert cookie.value == data["token"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 365 * 86_400)
    assert data_of(Trpc(client).query("auth.me"))["email"] == "mira@example.com"


def test_the_token_works_as_bearer_too(client, django_user_model):
    token = data_of(log_in(client, make_user(email="noor@example.com")))["token"]
    client.cookies.clear()

    assert data_of(Trpc(client, bearer=token).query("auth.me"))["email"] == "noor@example.com"


def test_e_mail_is_not_case_sensitive(client):
    make_user(email="mira@example.com")

    response = Trpc(client).mutate("auth.login", {"email": " Mira@Example.com", "password": PASSWORD})

    assert response.status_code == 200


@pytest.mark.parametrize("email", ["mira@example.com", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_e_mail_are_the_same(client, email):
    make_user(email="mira@example.com")

    response = Trpc(client).mutate("auth.login", {"email": email, "password": "wrong"})

    assert refusal_of(response) == (401, "UNAUTHORIZED", "E-mail or password is wrong.")
    assert COOKIE not in response.cookies


def test_one_who_may_not_sign_in_any_more_learns_nothing_else(client):
    user = make_user()
    User.objects.update(is_active=False)

    assert refusal_of(log_in(client, user))[2] == "E-mail or password is wrong."


def test_a_stranger_is_null(client):
    assert data_of(Trpc(client).query("auth.me")) is None


def test_signing_out_ends_the_session_at_once_also_for_a_kept_token(client):
    token = sign_in(client, make_user())

    assert data_of(Trpc(client).mutate("auth.logout")) == {"success": True}

    client.cookies.clear()
    assert data_of(Trpc(client, bearer=token).query("auth.me")) is None
    assert refusal_of(Trpc(client, bearer=token).query("devices.list"))[1] == "UNAUTHORIZED"


def test_changing_the_password_ends_every_session_and_opens_a_new_one(client):
    user = make_user()
    elsewhere = sign_in(client, user)
    sign_in(client, user)

    changed = data_of(
        Trpc(client).mutate(
            "auth.changePassword", {"currentPassword": PASSWORD, "newPassword": "nine copper kettles"}
        )
    )

    client.cookies.clear()
    assert data_of(Trpc(client, bearer=elsewhere).query("auth.me")) is None
    assert data_of(Trpc(client, bearer=changed["token"]).query("auth.me"))["id"] == user.pk
    assert log_in(client, user).status_code == 401
    assert log_in(client, user, "nine copper kettles").status_code == 200


@pytest.mark.parametrize(
    ("input", "field"),
    [
        ({"currentPassword": "wrong", "newPassword": "nine copper kettles"}, "currentPassword"),
        ({"currentPassword": PASSWORD, "newPassword": "12345678"}, "newPassword"),
        ({"currentPassword": PASSWORD}, "newPassword"),
    ],
)
def test_a_refused_password_change_names_the_field(client, input, field):
    sign_in(client, make_user())

    response = Trpc(client).mutate("auth.changePassword", input)

    assert list(orjson.loads(response.content)["error"]["data"]["fieldErrors"]) == [field]


def test_people_see_and_end_their_own_sessions_only(client):
    mira, noor = make_user(), make_user()
    theirs = sign_in(client, noor)
    first = sign_in(client, mira)
    sign_in(client, mira)
    api = Trpc(client)

    rows = data_of(api.query("auth.sessions"))
    assert [row["current"] for row in rows] == [True, False]

    noors = Session.objects.get(user=noor)
    assert refusal_of(api.mutate("auth.revokeSession", {"id": noors.pk}))[1] == "NOT_FOUND"
    assert data_of(api.mutate("auth.revokeSession", {"id": rows[1]["id"]})) == {"success": True}
    client.cookies.clear()
    assert data_of(Trpc(client, bearer=first).query("auth.me")) is None
    assert data_of(Trpc(client, bearer=theirs).query("auth.me"))["id"] == noor.pk


def test_an_admin_ends_anybodys_session(client):
    noor = make_user()
    token = sign_in(client, noor)
    sign_in(client, make_user(role="admin"))

    data_of(Trpc(client).mutate("auth.revokeSession", {"id": Session.objects.get(user=noor).pk}))

    client.cookies.clear()
    assert data_of(Trpc(client, bearer=token).query("auth.me")) is None


def test_registration_is_open_only_where_the_plant_says_so(client, settings):
    input = {"email": "new@example.com", "password": "nine copper kettles", "name": "New"}
    settings.REGISTRATION = "closed"
    assert refusal_of(Trpc(client).mutate("auth.register", input))[0] == 403

    settings.REGISTRATION = "open"
    answer = data_of(Trpc(client).mutate("auth.register", input))

    assert (answer["success"], answer["user"]["role"]) == (True, "user")
    assert data_of(Trpc(client).query("auth.me"))["email"] == "new@example.com"
    assert refusal_of(Trpc(client).mutate("auth.register", input))[:2] == (409, "CONFLICT")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "fdt_nothing", "eyJhbGciOiJub25lIn0.eyJqdGkiOiIxIn0."])
def test_a_forged_token_is_a_strangers(client, token):
    make_user()

    assert data_of(Trpc(client, bearer=token).query("auth.me")) is None


def test_a_token_speaks_for_whom_it_names_and_for_nobody_else(client):
    mira, ludo = make_user(), make_user()
    token = sign_in(client, mira)
    client.cookies.clear()
    assert data_of(Trpc(client, bearer=token).query("auth.me"))["id"] == mira.pk

    Session.objects.update(user=ludo)  # the token still names Mira

    assert data_of(Trpc(client, bearer=token).query("auth.me")) is None


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
def test_a_write_with_the_cookie_needs_our_own_origin(client, origin):
    sign_in(client, make_user())
    headers = {"origin": origin} if origin else {}

    response = Trpc(client).post("auth.logout", b"", **headers)

    assert response.status_code == 403
    assert data_of(Trpc(client).query("auth.me")) is not None


def test_a_password_is_kept_as_bcrypt_and_may_be_long():
    from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

    hasher = BCryptSHA256PasswordHasher()
    hasher.rounds = 4
    long = "x" * 100
    encoded = hasher.encode(long, hasher.salt())

    assert encoded.startswith("bcrypt_sha256$$2b$")
    assert hasher.verify(long, encoded)
    assert not hasher.verify("x" * 99, encoded)


def test_the_first_admin_is_made_once_with_a_password_of_its_own():
    user, password = ensure_first_admin(email="", password="")

    assert (user.email, user.role, user.is_staff) == ("admin@factory.local", "admin", True)
    assert open_by_password(email=user.email, password=password, at=timezone.now())[0] == user
    assert ensure_first_admin(email="", password="") is None


def test_createsuperuser_makes_an_admin(monkeypatch):
    from django.core.management import call_command

    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--no-input", "--email=boss@example.com", verbosity=0)

    assert User.objects.get().role == "admin"


class TestPlainTwins:
    """`/api/auth/*`: the same procedures without the envelope."""

    def post(self, client, path, body):
        return client.post(
            f"/api/auth/{path}",
            body,
            content_type="application/json",
            headers={"origin": "http://testserver"},
        )

    def test_login_me_and_logout(self, client):
        user = make_user()

        answer = self.post(client, "login", {"email": user.email, "password": PASSWORD})
        assert set(answer.json()) == {"token", "user"}
        assert client.get("/api/auth/me").json()["email"] == user.email

        assert self.post(client, "logout", {}).json() == {"success": True}
        assert client.get("/api/auth/me").json() is None

    def test_refusals_are_a_message_and_a_code_with_the_status(self, client):
        answer = self.post(client, "login", {"email": "a@b.c", "password": "x"})

        assert (answer.status_code, answer.json()) == (
            401,
            {"message": "E-mail or password is wrong.", "code": "UNAUTHORIZED"},
        )

    def test_a_missing_field_is_named(self, client):
        answer = self.post(client, "login", {"email": "a@b.c"})

        assert (answer.status_code, list(answer.json()["fieldErrors"])) == (400, ["password"])

    @pytest.mark.parametrize("query", ["batch=1", "batch=1&input=%7B%7D"])
    def test_batches_are_refused_plainly(self, client, query):
        answer = client.get(f"/api/auth/me?{query}")

        assert (answer.status_code, answer.json()) == (
            400,
            {"message": "Batches are for /api/trpc.", "code": "BAD_REQUEST"},
        )

    def test_one_who_writes_superjson_is_refused_plainly_too(self, client):
        answer = self.post(client, "login", {"json": {"email": "a@b.c", "password": "x"}})

        assert answer.json() == {"message": "E-mail or password is wrong.", "code": "UNAUTHORIZED"}


OURS = {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"kid": "../../dev/null"}, {}),
        ({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}, {}),
        ({"x5u": "https://example.com"}, {}),
        ({}, {"aud": "another"}),
        ({}, {"iss": "another"}),
        ({}, {"exp": 10**400}),
        ({}, {"jti": ["a list"]}),
        ({}, {"sub": 5}),
    ],
    ids=str,
)
def test_a_token_that_says_more_than_ours_or_otherwise_is_nobodys_whoever_signed_it(settings, header, claims):
    token = open_by_password(email=make_user().email, password=PASSWORD, at=timezone.now())[1]
    said = jwt.decode(token, options={"verify_signature": False})

    assert names_in(token) == (said["jti"], said["sub"])
    key = settings.SIMPLE_JWT["SIGNING_KEY"]
    assert names_in(jwt.encode({**said, **claims}, key, headers={**OURS, **header})) is None
