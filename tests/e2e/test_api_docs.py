"""Swagger UI from our own files: an integrator looks something up and tries it out."""

import json

import pytest

from tests.e2e.looking import expect

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.e2e


def opened(page, tag: str, path: str):
    page.locator(f"#operations-tag-{tag} a").first.click()
    operation = page.locator(".opblock", has=page.locator(f"[data-path='/api/trpc/{path}']"))
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    return operation


def executed(operation) -> tuple[str, dict]:
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response").first
    status = answer.locator(".response-col_status").first.inner_text()
    return status.strip(), json.loads(answer.locator(".highlight-code code").first.inner_text())


def test_a_stranger_tries_out_what_is_for_anyone(visit):
    visit.open("/api/docs")

    status, answer = executed(opened(visit.page, "system", "system.health"))

    assert (status, answer["result"]["data"]["ok"]) == ("200", True)
    assert visit.is_clean()


def test_who_is_signed_in_writes_with_the_same_cookie(signed_in):
    signed_in.open("/api/docs")
    operation = opened(signed_in.page, "devices", "devices.create")
    device = {"deviceId": "tried-out", "name": "Tried out", "type": "sensor"}
    operation.locator("textarea.body-param__text").fill(json.dumps(device))

    status, answer = executed(operation)

    assert (status, answer["result"]["data"]["deviceId"]) == ("200", "tried-out")
    assert signed_in.is_clean()


DARK, NOTHING = "rgb(28, 32, 34)", "rgba(0, 0, 0, 0)"


def expect_ground(page, colour: str) -> None:
    expect(page.locator("html")).to_have_css("background-color", colour)


def test_it_is_as_dark_as_the_screen_while_nobody_chose_a_theme(visit):
    visit.page.emulate_media(color_scheme="dark")
    visit.open("/api/docs")
    expect(visit.page.locator(".opblock-tag").first).to_be_visible()
    expect_ground(visit.page, DARK)

    visit.page.emulate_media(color_scheme="light")

    expect_ground(visit.page, NOTHING)
    assert visit.is_clean()


def test_it_follows_the_theme_of_who_is_signed_in(signed_in, admin):
    admin.data("auth.setPreferences", {"theme": "dark"})
    signed_in.open("/api/docs")
    expect_ground(signed_in.page, DARK)

    admin.data("auth.setPreferences", {"theme": "light"})
    signed_in.page.emulate_media(color_scheme="dark")
    signed_in.page.reload()

    expect_ground(signed_in.page, NOTHING)
    admin.data("auth.setPreferences", {"theme": "system"})
