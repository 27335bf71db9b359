"""The admin in a browser: its first page, a list and a form, in what axe finds and the console says."""

import pytest

from tests.e2e.looking import findings

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("path", ["/admin/", "/admin/devices/device/", "/admin/alerts/threshold/add/"])
def test_the_admin_is_fit_to_be_used(signed_in, path):
    signed_in.open(path)
    signed_in.page.wait_for_selector("#content")

    assert findings(signed_in.page) == []
    assert signed_in.complaints == []
    assert signed_in.strangers == []
