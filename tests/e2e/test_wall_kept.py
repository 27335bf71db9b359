"""A wallboard that is switched on while the server is away: it waits, goes on by itself, and ends with its link."""

import http.client
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.e2e.conftest import SCREENS, new_visit, sign_in
from tests.plant import ADMIN_SETTINGS, Plant
from tests.services import folder, free_port

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect


def link_made_in(visit) -> str:
    visit.open("/wall/links/")
    visit.page.fill("#id_name", "Gate")
    visit.page.click("button:has-text('Make the link')")
    return visit.page.locator("#link").text_content()


def link_revoked_in(visit) -> None:
    visit.page.once("dialog", lambda dialog: dialog.accept())
    visit.open("/wall/links/")
    visit.page.locator("tr", has_text="Gate").first.get_by_role("button").click()
    expect(visit.page.locator(".notes")).to_contain_text("Revoked")


def expect_kept(page, *editions: str) -> None:
    """That the browser keeps these editions of the waiting page, all of it, and no other."""
    end, kept = time.monotonic() + 60, None
    while time.monotonic() < end:
        try:
            kept = page.evaluate("caches.keys()")
        except playwright.Error:  # the page is on its way to another
            kept = None
        if kept == [f"wall-{edition}" for edition in editions]:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"kept: {kept}, wanted: {editions}")


def edition_of(page) -> str:
    return page.evaluate("document.body.dataset.edition")


def test_it_begins_without_a_server_and_ends_with_its_link(browser):
    settings = {"PORT": str(free_port()), "MQTT_PORT": str(free_port()), **ADMIN_SETTINGS}
    with folder("wall-kept") as data:
        plant = Plant(data, **settings).wait_ready()
        try:
            with (
                new_visit(plant, browser, SCREENS["desk"]) as office,
                new_visit(plant, browser, SCREENS["desk"]) as tablet,
            ):
                address = link_made_in(sign_in(office, plant))
                tablet.page.goto(address)
                expect_kept(tablet.page, edition_of(tablet.page))

                plant.end()
                page = tablet.page.context.new_page()  # switched off and on
                tablet.page.close()
                page.goto(address + "?dwell=30")
                expect(page.locator("h1")).to_contain_text("Waiting for the server since")
                assert page.evaluate("document.fonts.load('16px Inter').then(faces => faces.length > 0)")
                assert page.evaluate("getComputedStyle(document.body).display") == "grid"

                plant = Plant(data, **settings).wait_ready()
                expect(page.locator(".wall-figures").first).to_be_visible(timeout=60_000)
                expect(page.locator("#dwell")).to_have_value("30")

                link_revoked_in(office)
                expect(page.locator("h1")).to_have_text("No wallboard here", timeout=60_000)
                expect(page.locator("main")).to_contain_text("This link has ended")
                expect_kept(page)

                plant.end()
                with pytest.raises(playwright.Error, match="ERR_"):
                    page.goto(address)
        finally:
            plant.end()


class Updated(BaseHTTPRequestHandler):
    """The plant, whose edition has another name once it is updated."""

    plant_url = own = ""
    news: str | None = None

    def do_GET(self) -> None:
        host = self.plant_url.removeprefix("http://")
        plant = http.client.HTTPConnection(host)
        kept = {name: self.headers[name] for name in ("Cookie", "HX-Request") if name in self.headers}
        plant.request("GET", self.path, headers={"Host": host, **kept})
        answer = plant.getresponse()
        body = self.told(answer.read())
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                self.send_header(name, self.told(value.encode()).decode())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        plant.close()

    def told(self, said: bytes) -> bytes:
        return said.replace(self.own.encode(), self.news.encode()) if self.news else said

    def log_message(self, *_) -> None:
        pass


@contextmanager
def updated(plant: Plant, own: str):
    handler = type("Handler", (Updated,), {"plant_url": plant.url, "own": own})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_kept_becomes_that_of_an_updated_server_by_itself(plant, browser, signed_in):
    address = link_made_in(signed_in)
    with new_visit(plant, browser, SCREENS["desk"]) as tablet:
        page = tablet.page
        page.goto(address)
        own = edition_of(page)
        with updated(plant, own) as (url, server):
            page.goto(address.replace(plant.url, url))
            expect_kept(page, own)

            server.news = "another"

            expect_kept(page, "another")
            expect(page.locator(".wall-answer").first).to_be_visible()
