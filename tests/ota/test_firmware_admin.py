"""The firmware console in the admin."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ota.models import Deployment, Firmware
from ota.services.deployments import deploy
from tests.builders import NOON, make_device, make_firmware, make_group, make_user, sign_in
from tests.ota.storing import stored_files

pytestmark = pytest.mark.django_db
CONSOLE = "/admin/ota/firmware/"


@pytest.fixture(autouse=True)
def boss(client):
    boss = make_user(role="admin")
    sign_in(client, boss)
    return boss


def upload(client, **parts):
    parts = {"version": "1.0.0", "device_type": "sensor", **parts}
    return client.post(f"{CONSOLE}add/", {"file": SimpleUploadedFile("a.bin", b"content"), **parts})


def test_a_version_is_uploaded(client, boss):
    answer = upload(client, release_notes="# New", is_stable="on", hardware="board-a, board-b")

    firmware = Firmware.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{CONSOLE}{firmware.pk}/change/")
    assert stored_files() == {firmware.file: b"content"}
    about = (firmware.is_stable, firmware.hardware, firmware.created_by)
    assert about == (True, ["board-a", "board-b"], boss)


@pytest.mark.parametrize(
    ("parts", "field", "words"),
    [
        ({"version": "1"}, "version", "Not a semantic version"),
        ({"version": ""}, "version", "required"),
        ({"file": ""}, "file", "required"),
        ({"signature": "x"}, "manifest", "comes with the manifest"),
        ({"hardware": "a,a"}, "hardware", "twice"),
        ({"version": "0.9.0"}, "version", "there already"),
    ],
)
def test_what_is_wrong_stands_at_its_field(client, parts, field, words):
    make_firmware(version="0.9.0")
    answer = upload(client, **parts)

    assert answer.status_code == 200
    assert words in str(answer.context["form"].errors[field])
    assert words in answer.content.decode()
    assert Firmware.objects.count() == 1


@pytest.mark.parametrize("versions", [1, 3])
def test_the_list_costs_the_same_for_any_number(client, django_assert_num_queries, versions):
    for _ in range(versions):
        deploy(device=make_device(), firmware=make_firmware(), at=NOON)
    client.get(CONSOLE)
    with django_assert_num_queries(3):
        answer = client.get(CONSOLE)
    assert answer.status_code == 200


def test_what_may_change_is_changed_and_notes_are_shown_safely(client):
    firmware = make_firmware(release_notes="**bold** <script>alert(1)</script>")
    page = f"{CONSOLE}{firmware.pk}/change/"
    shown = client.get(page).content.decode()
    assert "<strong>bold</strong> &lt;script&gt;" in shown

    answer = client.post(
        page, {"release_notes": "New.", "is_stable": "on", "hardware": '["board-a"]', "version": "9.9.9"}
    )

    firmware.refresh_from_db()
    assert answer.status_code == 302
    assert (firmware.release_notes, firmware.is_stable, firmware.hardware) == ("New.", True, ["board-a"])
    assert firmware.version != "9.9.9"


def test_a_version_is_withdrawn_with_a_reason(client):
    firmware = make_firmware()
    chosen = client.post(CONSOLE, {"action": "withdraw", "_selected_action": [firmware.pk]})
    page = f"{CONSOLE}{firmware.pk}/withdraw/"
    assert (chosen.status_code, chosen["Location"]) == (302, page)
    assert client.get(page).status_code == 200
    assert "required" in client.post(page, {"because": ""}).content.decode()

    client.post(page, {"because": "Overheats."})

    firmware.refresh_from_db()
    assert firmware.withdrawn_because == "Overheats."
    assert "was withdrawn already" in client.post(page, {"because": "Again."}).content.decode()


def test_a_version_is_deployed_to_devices_and_to_a_group_and_the_result_is_told(client):
    firmware = make_firmware()
    oven, press, gate = make_device(external_id="oven"), make_device(), make_device(type="gateway")
    page = f"{CONSOLE}{firmware.pk}/deploy/"
    assert client.get(page).status_code == 200

    first = client.post(page, {"devices": " oven,\noven "}).content.decode()
    second = client.post(page, {"group": make_group(devices=[oven, press, gate]).pk}).content.decode()

    assert "Deployments begun: 1. Refused: 0." in first
    assert "Deployments begun: 1. Refused: 2." in second
    assert "is for sensors" in second
    assert "under way already" in second
    assert set(Deployment.objects.values_list("device", flat=True)) == {oven.pk, press.pk}
    assert "No such device: none" in client.post(page, {"devices": "none"}).content.decode()
    assert "Name either" in client.post(page, {}).content.decode()
    assert client.get(f"{CONSOLE}999/deploy/").status_code == 302


def test_what_was_deployed_is_not_deleted(client):
    used, unused = make_firmware(), make_firmware()
    deploy(device=make_device(), firmware=used, at=NOON)
    for firmware in (used, unused):
        client.post(f"{CONSOLE}{firmware.pk}/delete/", {"post": "yes"})
    assert list(Firmware.objects.all()) == [used]


def test_it_is_for_admins(client):
    firmware = make_firmware()
    for role in ("user", "operator", "technician"):
        sign_in(client, make_user(role=role))
        for page in ("", "add/", f"{firmware.pk}/withdraw/", f"{firmware.pk}/deploy/"):
            for ask in (client.get, client.post):
                assert ask(CONSOLE + page).status_code in {302, 403}
    firmware.refresh_from_db()
    assert firmware.withdrawn_at is None


@pytest.mark.parametrize("hardware", ["5", "0", "true", '{"a": 1}', '"abc"', "[1]"])
def test_hardware_that_is_no_list_of_names_is_refused(client, hardware):
    firmware = make_firmware(hardware=["board-a"])
    answer = client.post(f"{CONSOLE}{firmware.pk}/change/", {"release_notes": "", "hardware": hardware})
    firmware.refresh_from_db()
    assert (answer.status_code, firmware.hardware) == (302, ["board-a"])
    told = [str(each) for each in client.get(answer["Location"]).context["messages"]]
    assert len(told) == 1
    assert "name" in told[0]
