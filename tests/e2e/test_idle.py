"""What a page asks by itself says so: it keeps nobody signed in. What a person does, does."""

import pytest

pytestmark = pytest.mark.e2e


def is_renewal(request) -> bool:
    return request.headers.get("x-renewal") == "1"


def test_parts_that_renew_themselves_say_so_and_what_is_clicked_does_not(signed_in, press):
    page = signed_in.page
    signed_in.open("/")  # with a device there is something to renew
    page.wait_for_load_state("networkidle")
    with page.expect_request("**/overview/now*") as renewed:
        page.evaluate("document.body.dispatchEvent(new CustomEvent('look-again', { bubbles: true }))")
    assert is_renewal(renewed.value)
    with page.expect_request("**/overview/energy*") as renewed:
        page.evaluate("document.body.dispatchEvent(new CustomEvent('minute-passed', { bubbles: true }))")
    assert is_renewal(renewed.value)
    with page.expect_request("**/devices/") as visited:
        page.get_by_role("link", name="Devices", exact=True).first.click()
    assert not is_renewal(visited.value)
    page.wait_for_load_state()
    with page.expect_request("**/devices/?*") as searched:
        page.get_by_label("Search").first.fill("press")
        page.keyboard.press("Enter")
    assert not is_renewal(searched.value)
