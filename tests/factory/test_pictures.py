"""No page is forgotten in the pictures: the tool's list is the table of addresses itself."""

from collections import defaultdict

import pytest
from django.urls import reverse

from tests.pictures.pages import FIXED, LEFT_OUT, VARIANTS, addresses, admin_sights, sights

pytestmark = pytest.mark.django_db

# What the tool finds or makes in a plant, and nothing else may stand in an address of a page.
NUMBERS = (
    "device_id threshold_id alert_id group_id batch_id firmware_id rollout_id report_id schedule_id config_id"
)
EXAMPLES = dict.fromkeys(NUMBERS.split(), 1) | {"code": "jam"}


def test_what_is_left_out_or_has_variants_exists():
    names = {address.name for address in addresses()}

    assert set(LEFT_OUT) - names == set()
    assert set(VARIANTS) - names == set()
    assert set(LEFT_OUT) & set(VARIANTS) == set()


def test_every_address_with_a_name_has_a_picture_or_a_reason(client):
    seen = {sight.path.partition("?")[0] for sight in sights(EXAMPLES)}

    forgotten = {}
    for address in addresses():
        path = address.filled(defaultdict(lambda: 1, {**FIXED, **EXAMPLES}))
        is_only_posted_to = client.get(path).status_code == 405
        if address.name not in LEFT_OUT and path not in seen and not is_only_posted_to:
            forgotten[address.name] = path
    assert forgotten == {}


def test_addresses_are_filled_as_django_does():
    for sight in sights(EXAMPLES):
        if sight.name in ("overview", "sign-out", "energy", "shifts"):
            assert sight.path == reverse(sight.name)


def test_the_admin_is_seen_model_by_model():
    paths = [sight.path for sight in admin_sights()]

    assert "/admin/devices/device/" in paths
    assert "/admin/alerts/threshold/add/" in paths
