"""Out of service, back, and gone, in the admin."""

import pytest

from devices.models import Device
from devices.services import Order, deactivate_devices, send_commands
from tests.builders import NOON, make_device, make_threshold, make_user, sign_in, store

pytestmark = pytest.mark.django_db
DEVICES = "/admin/devices/device/"


@pytest.fixture(autouse=True)
def _boss(client):
    sign_in(client, make_user(role="admin"))


def do(client, action, *devices):
    form = {"action": action, "_selected_action": [device.pk for device in devices]}
    response = client.post(DEVICES, form, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_devices_are_taken_out_of_service_and_put_back(client):
    press, pump = make_device(external_id="press-1"), make_device()

    assert do(client, "take_out_of_service", press, pump) == ["Out of service: 2 of 2 devices."]
    assert Device.objects.in_service().count() == 0
    assert do(client, "put_back_into_service", press, pump) == [
        "Select one device: its token is shown only once."
    ]
    [told] = do(client, "put_back_into_service", press)
    assert told.startswith("Token of press-1, shown only this once: fdt_")
    assert do(client, "put_back_into_service", press) == [f"{press.name} is in service."]
    assert list(Device.objects.in_service()) == [press]


def test_the_list_tells_them_apart(client):
    here, gone = make_device(), make_device()
    deactivate_devices(device_ids=[gone.pk], at=NOON)

    def listed(query):
        return list(client.get(DEVICES + query).context["cl"].result_list)

    assert listed("?service=yes") == [here]
    assert listed("?service=no") == [gone]
    assert listed("") == [here, gone]


@pytest.mark.parametrize("many", [1, 30])
def test_deleting_says_what_goes_at_the_same_cost_for_any_amount(client, many, django_assert_max_num_queries):
    device = make_device(external_id="press-1")
    make_threshold(device)
    store(device, (NOON, 95.0))
    send_commands(orders=[Order(device.pk, "restart")] * many, at=NOON)

    with django_assert_max_num_queries(20):
        page = client.get(f"{DEVICES}{device.pk}/delete/").content.decode()

    for what in ("Thresholds", "Readings", "Alerts", "Commands"):
        assert what.lower() in page.lower()
    assert f"{many}" in page
    assert client.post(f"{DEVICES}{device.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Device.objects.exists()
