import json

import pytest

from alerts.models import Alert, Delivery
from devices.models import Credential, Device, Presence
from factory.trpc.fields import NO_JSON
from tests.builders import NOON, Trpc, data_of, make_device, make_threshold, make_user, sign_in, store

pytestmark = pytest.mark.django_db
DEVICES = "/admin/devices/device/"


@pytest.fixture(autouse=True)
def _boss(client):
    sign_in(client, make_user(role="admin"))


def form_of(device, **changes):
    """What a browser would send for this device."""
    form = {name: getattr(device, name) for name in ("name", "type", "status", "location", "zone")}
    form |= {"firmware_version": "", "tags": json.dumps(device.tags), "metadata": json.dumps(device.metadata)}
    shown = {f"initial-{name}": form[name] for name in ("status", "tags", "metadata")}
    return {**form, **shown, **changes}


def errors_of(response):
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def nested(levels):
    value = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_a_device_can_be_added_and_shows_its_token_once(client):
    new = {
        **form_of(Device(name="Press", type="sensor", status="online", tags=["a"])),
        "external_id": "press-3",
    }

    response = client.post(f"{DEVICES}add/", new, follow=True)

    words = [str(message) for message in response.context["messages"]]
    assert words[0].startswith("Token of press-3, shown only this once: fdt_")
    assert Device.objects.values_list("external_id", "status", "tags").get() == ("press-3", "online", ["a"])


def test_a_taken_device_id_is_told_at_its_field(client):
    device = make_device(external_id="press-3")

    response = client.post(f"{DEVICES}add/", {**form_of(device), "external_id": "press-3"})

    assert errors_of(response) == {"external_id": ["Device with this Device id already exists."]}


TAGS = ["must be a list of at most 50 words of 1 to 64 characters"]


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"tags": "5"}, {"tags": TAGS}),
        ({"tags": '{"a": 1}'}, {"tags": TAGS}),
        ({"tags": "[[1]]"}, {"tags": TAGS}),
        ({"tags": '[""]'}, {"tags": TAGS}),
        ({"tags": json.dumps(["x" * 65])}, {"tags": TAGS}),
        ({"tags": json.dumps(["x"] * 51)}, {"tags": TAGS}),
        ({"metadata": "[]"}, {"metadata": ["must be an object"]}),
        ({"metadata": "7"}, {"metadata": ["must be an object"]}),
        ({"metadata": '{"a": NaN}'}, {"metadata": [NO_JSON]}),
        ({"metadata": json.dumps(nested(25))}, {"metadata": ["may nest 24 levels deep"]}),
        ({"metadata": json.dumps({"a": "x" * 65_536})}, {"metadata": ["may take 64 KB as JSON"]}),
        ({"metadata": "{"}, {"metadata": ["Enter a valid JSON."]}),
    ],
)
def test_tags_and_metadata_that_nobody_could_read_are_told_at_their_field(client, change, errors):
    device = make_device(tags=["a"], metadata={"b": 1})

    assert errors_of(client.post(f"{DEVICES}{device.pk}/change/", form_of(device, **change))) == errors
    assert data_of(Trpc(client).query("devices.list"))[0]["tags"] == ["a"]


@pytest.mark.parametrize("empty", ["", "null"])
def test_an_emptied_box_is_no_tags_and_no_metadata(client, empty):
    device = make_device(tags=["a"], metadata={"b": 1})

    client.post(f"{DEVICES}{device.pk}/change/", form_of(device, tags=empty, metadata=empty))

    assert Device.objects.values_list("tags", "metadata").get() == ([], {})


def test_what_moved_while_the_form_was_open_stays(client):
    device = make_device(zone="Hall A")
    page = client.get(f"{DEVICES}{device.pk}/change/")
    store(device, (NOON, 20))

    client.post(f"{DEVICES}{device.pk}/change/", form_of(device, name="New"))

    assert 'name="initial-status"' in page.content.decode()
    assert Device.objects.values_list("name", "status").get() == ("New", "online")


def test_a_device_set_online_by_hand_is_waited_for(client):
    device = make_device()

    client.post(f"{DEVICES}{device.pk}/change/", form_of(device, status="online"))

    assert Device.objects.get().status == "online"
    assert Presence.objects.get().silent_at is not None


def test_one_who_saves_a_device_that_is_gone_is_told_so(client):
    device = make_device()
    form = form_of(device, name="New")
    device.delete()

    response = client.post(f"{DEVICES}{device.pk}/change/", form, follow=True)

    assert response.status_code == 200
    assert Device.objects.count() == 0


@pytest.mark.parametrize("way", ["one", "many"])
def test_a_device_with_all_that_belongs_to_it_can_be_deleted(client, settings, way):
    settings.ALERT_EMAIL = "shift@example.com"
    device, other = make_device(), make_device()
    make_threshold(device)
    store(device, (NOON, 95))
    assert (Alert.objects.count(), Delivery.objects.count()) == (1, 1)

    if way == "one":
        assert "Yes, I" in client.get(f"{DEVICES}{device.pk}/delete/").content.decode()
        response = client.post(f"{DEVICES}{device.pk}/delete/", {"post": "yes"})
    else:
        selected = {"action": "delete_selected", "_selected_action": device.pk, "post": "yes"}
        response = client.post(DEVICES, selected)

    assert response.status_code == 302
    assert list(Device.objects.all()) == [other]
    assert (Alert.objects.count(), Delivery.objects.count()) == (0, 0)


def test_what_belongs_to_a_device_is_not_deleted_on_its_own(client):
    make_device()
    credential = Credential.objects.get()

    assert (
        client.post(f"/admin/devices/credential/{credential.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    assert client.get(f"/admin/devices/credential/{credential.pk}/change/").status_code == 200
    assert Credential.objects.count() == 1


def test_device_ids_are_found_in_any_case(client):
    make_device(external_id="press-1")
    make_device(external_id="pump-1")

    response = client.get(DEVICES, {"q": "PRESS"})

    assert [device.external_id for device in response.context["cl"].result_list] == ["press-1"]
