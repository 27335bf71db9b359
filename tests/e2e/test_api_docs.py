"""Swagger UI from our own files: an integrator looks something up and tries it out."""

import json

import pytest

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
