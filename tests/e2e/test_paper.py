"""What a page leaves out when it is printed: nobody fills in a field or presses a button on paper."""

import pytest

pytestmark = pytest.mark.e2e

CONTROLS = """[...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, .button")]
    .filter(one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 80))"""
LISTS = (
    "/devices/",
    "/groups/",
    "/alerts/",
    "/alerts/history/",
    "/alerts/figures/",
    "/wall/links/",
    "/devices/claims/",
    "/preferences/tokens",
    "/oee/shifts/",
    "/oee/codes/",
    "/energy/exchanges/",
    "/reports/",
)


@pytest.fixture
def printed(signed_in):
    """The controls of a page that are seen on the screen, and those on paper."""

    def controls(path: str) -> tuple[list[str], list[str]]:
        signed_in.page.emulate_media(media="screen")
        signed_in.open(path)
        on_screen = signed_in.page.evaluate(CONTROLS)
        signed_in.page.emulate_media(media="print")
        return on_screen, signed_in.page.evaluate(CONTROLS)

    return controls


def test_a_list_on_paper_has_no_control(printed, press):
    _, send = press
    send(temperature=96.4)  # an alert, which could be ticked
    for path in LISTS:
        on_screen, on_paper = printed(path)
        assert on_screen != [], path
        assert on_paper == [], path


def test_a_group_on_paper_has_its_devices_and_no_form(printed, signed_in, admin, press):
    device_id, _ = press
    group = admin.data("groups.create", {"name": "On paper", "type": "custom", "deviceIds": [device_id]})

    on_screen, on_paper = printed(f"/groups/{group['id']}/")

    assert on_screen != []
    assert on_paper == []
    assert not signed_in.page.get_by_text("Put devices in").is_visible()
    assert signed_in.page.locator("#devices tbody tr").first.is_visible()


def test_a_device_on_paper_has_no_control_on_any_tab(printed, press):
    device_id, _ = press
    for tab in ("live", "alerts", "commands", "configuration", "firmware", "credentials", "groups"):
        assert printed(f"/devices/{device_id}/?tab={tab}")[1] == [], tab
