"""What pages of other sites can do with a person's cookie, in a real browser: those allowed, and all the others.

The server is at http://127.0.0.1:<port>. A page at another port of it is another origin, but the same site to a
browser, which then sends the cookie along; `localhost` is another site, to which a Lax cookie does not go.
"""

import contextlib
import http.server
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plant import ADMIN, ADMIN_SETTINGS, Plant, as_admin, running
from tests.services import folder

pytestmark = pytest.mark.e2e

READ = """async ([url, token]) => {
    const headers = token ? {authorization: `Bearer ${token}`} : {};
    const answer = await fetch(url, {credentials: token ? "omit" : "include", headers});
    return [answer.status, (await answer.json()).result.data, answer.headers.get("x-ratelimit-limit")];
}"""
WRITE = """async ([url, body, token]) => {
    const headers = {"content-type": "application/json"};
    if (token) headers.authorization = `Bearer ${token}`;
    const answer = await fetch(url, {method: "POST", credentials: token ? "omit" : "include", headers, body});
    return answer.status;
}"""
REFUSED = """async ([url, options]) => {
    try { return (await fetch(url, {credentials: "include", ...options})).status }
    catch (error) { return error.name }
}"""
UNREAD = """async ([url, body]) => {
    try { return (await fetch(url, {method: "POST", mode: "no-cors", credentials: "include", body})).type }
    catch (error) { return error.name }
}"""
UPLOAD = """async ([url]) => {
    const form = new FormData();
    form.append("version", "6.6.6");
    form.append("deviceType", "sensor");
    form.append("file", new Blob(["evil"]), "evil.bin");
    try { return (await fetch(url, {method: "POST", mode: "no-cors", credentials: "include", body: form})).type }
    catch (error) { return error.name }
}"""
SUBMIT = """([url, enctype, name, value]) => {
    const form = Object.assign(document.createElement("form"), {method: "post", action: url, enctype});
    form.append(Object.assign(document.createElement("input"), {name, value}));
    document.body.append(form);
    form.submit();
}"""
LISTEN = """([url]) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onmessage = (event) => resolve(JSON.parse(event.data).type);
    socket.onclose = (event) => resolve(event.code);
    socket.onopen = () => socket.send(JSON.stringify({type: "ping"}));
})"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Elsewhere</title><body>")

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def site() -> Iterator[int]:
    """A site with one empty page, at every name of this machine. Yields its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@dataclass
class World:
    plant: Plant
    database: Path
    friend: int  # the port of the site that is allowed
    other: int

    def url(self, procedure: str) -> str:
        return f"{self.plant.url}/api/trpc/{procedure}"

    def rows(self, table: str) -> int:
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]

    def everything(self) -> list[int]:
        """What a write would change: devices, firmware, and sessions that have ended."""
        return [
            *(self.rows(table) for table in ("devices_device", "ota_firmware", "accounts_user")),
            self.rows("accounts_session WHERE revoked_at IS NOT NULL"),
        ]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with folder("origins") as data, site() as friend, site() as other:
        allowed = f"http://127.0.0.1:{friend},http://localhost:{friend}"
        with running(data, ALLOWED_ORIGINS=allowed, RATE_USER="100/m", **ADMIN_SETTINGS) as plant:
            plant.wait_ready()
            yield World(plant, data / "factory.sqlite3", friend, other)


@pytest.fixture
def page(world, browser):
    """Signed in at the server, with its cookie."""
    context = browser.new_context()
    context.set_default_timeout(8000)
    page = context.new_page()
    page.goto(f"{world.plant.url}/sign-in")
    page.fill("#id_email", ADMIN["email"])
    page.fill("#id_password", ADMIN["password"])
    page.click("button:has-text('Sign in')")
    page.wait_for_url(f"{world.plant.url}/")
    yield page
    context.close()


def device(name: str) -> str:
    return f'{{"deviceId":"{name}","name":"{name}","type":"sensor"}}'


def test_an_allowed_page_reads_and_writes_with_the_cookie(world, page):
    devices = world.rows("devices_device")
    page.goto(f"http://127.0.0.1:{world.friend}/")

    status, me, limit = page.evaluate(READ, [world.url("auth.me"), ""])
    written = page.evaluate(WRITE, [world.url("devices.create"), device("by-a-friend"), ""])

    assert (status, me["email"], limit) == (200, ADMIN["email"], "100")
    assert (written, world.rows("devices_device")) == (200, devices + 1)


def test_an_allowed_page_of_another_site_takes_a_token_since_the_cookie_stays_behind(world, page):
    devices = world.rows("devices_device")
    token = as_admin(world.plant).headers["authorization"].removeprefix("Bearer ")
    page.goto(f"http://localhost:{world.friend}/")

    assert page.evaluate(READ, [world.url("auth.me"), ""])[:2] == [200, None]
    assert page.evaluate(READ, [world.url("auth.me"), token])[1]["email"] == ADMIN["email"]
    assert page.evaluate(WRITE, [world.url("devices.create"), device("from-afar"), token]) == 200
    assert world.rows("devices_device") == devices + 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_any_other_page_reads_nothing_and_changes_nothing(world, page, host):
    before = world.everything()
    page.goto(f"http://{host}:{world.other}/")
    create = world.url("devices.create")
    json = {"method": "POST", "headers": {"content-type": "application/json"}, "body": device("evil-json")}

    assert page.evaluate(REFUSED, [world.url("auth.me"), {}]) == "TypeError"
    assert page.evaluate(REFUSED, [create, json]) == "TypeError"
    assert page.evaluate(REFUSED, [create, {"method": "POST", "body": device("evil-text")}]) == "TypeError"
    # Not even as an opaque answer: Cross-Origin-Resource-Policy.
    assert page.evaluate(UNREAD, [create, device("evil-unread")]) == "TypeError"
    assert page.evaluate(UNREAD, [world.url("auth.logout"), ""]) == "TypeError"
    assert page.evaluate(UPLOAD, [world.url("firmware.create")]) == "TypeError"

    assert world.everything() == before


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize(
    ("path", "enctype", "status"),
    [
        ("/api/trpc/devices.create", "text/plain", 415),
        ("/api/trpc/auth.logout", "application/x-www-form-urlencoded", 415),
        ("/api/auth/logout", "text/plain", 415),
        ("/sign-out", "application/x-www-form-urlencoded", 403),
    ],
)
def test_a_form_of_any_other_page_changes_nothing(world, page, host, path, enctype, status):
    before = world.everything()
    page.goto(f"http://{host}:{world.other}/")

    with page.expect_response(world.plant.url + path) as answered:
        page.evaluate(
            SUBMIT, [world.plant.url + path, enctype, device("evil-form")[:-1] + ',"tags":["', '"]}']
        )

    assert answered.value.status == status
    assert world.everything() == before


def test_the_very_same_writes_work_from_the_servers_own_page(world, page):
    """What was refused above was refused for its origin, and for nothing else."""
    devices, firmware, _, _ = world.everything()

    assert page.evaluate(WRITE, [world.url("devices.create"), device("evil-json"), ""]) == 200
    assert page.evaluate(UPLOAD, [world.url("firmware.create")]) == "basic"
    assert world.everything()[:2] == [devices + 1, firmware + 1]


@pytest.mark.parametrize(("site", "heard"), [("friend", "pong"), ("other", 4401)])
def test_only_an_allowed_page_listens_with_the_cookie(world, page, site, heard):
    page.goto(f"http://127.0.0.1:{getattr(world, site)}/")

    assert page.evaluate(LISTEN, [world.plant.url.replace("http", "ws") + "/ws"]) == heard
