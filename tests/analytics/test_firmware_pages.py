import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from devices.models import Device
from ota.models import Deployment, Firmware
from tests.analytics.looking import NASTY, ROLES, words
from tests.builders import make_device, make_firmware, make_user, sign_in
from tests.ota.rolling import make_rollout
from tests.ota.storing import use_storage
from tests.ota.updating import make_deployment, make_runner

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    use_storage(settings, f"file://{tmp_path / 'storage'}")


def post_version(client, **changed):
    file = SimpleUploadedFile("pump.bin", b"new software")
    return client.post(
        "/firmware/new", {"file": file, "version": "2.0.0", "device_type": "sensor", **changed}
    )


def test_the_list_says_how_many_devices_in_service_run_each_version(client, mira):
    make_firmware(version="2.0.0", is_stable=True)
    make_firmware(version="2.0.0", device_type="gateway")
    for version in ("2.0.0", "v2.0.0", "1.0.0"):
        make_runner(version)
    gone = make_runner("2.0.0")
    Device.objects.filter(pk=gone.pk).update(deactivated_at=gone.created_at)

    page = client.get("/firmware/")

    told = [(one.firmware.device_type, one.running) for one in page.context["versions"]]
    assert told == [("gateway", 0), ("sensor", 2)]
    assert "Stable" in words(page)
    assert [v.firmware.device_type for v in client.get("/firmware/?type=gateway").context["versions"]] == [
        "gateway"
    ]
    assert len(client.get("/firmware/?type=nonsense&page=x").context["versions"]) == 2


def test_a_version_is_uploaded_and_then_shown(client, tess):
    answer = post_version(client, hardware="rev-a, rev-b", release_notes="Fixes **it**", is_stable="on")

    firmware = Firmware.objects.get()
    assert answer["Location"] == f"/firmware/{firmware.pk}/"
    assert (firmware.version, firmware.size, firmware.is_stable) == ("2.0.0", 12, True)
    assert (firmware.hardware, firmware.created_by) == (["rev-a", "rev-b"], tess)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"version": "two"}, "version"),
        ({"version": "1.0.0"}, "version"),
        ({"device_type": "toaster"}, "device_type"),
        ({"file": ""}, "file"),
        ({"file": SimpleUploadedFile("a", b"")}, "file"),
        ({"file": SimpleUploadedFile("a", b"x" * 10_500_000)}, "file"),
        ({"signature": "abc"}, "manifest"),
    ],
)
def test_what_is_wrong_with_an_upload_is_said_at_its_field(client, tess, changed, field):
    make_firmware(version="1.0.0")

    page = post_version(client, **changed)

    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])
    assert Firmware.objects.count() == 1


def test_release_notes_are_shown_as_markdown_and_never_as_markup(client, mira):
    firmware = make_firmware(release_notes=f"Fixes **leaks** {NASTY}")

    page = client.get(f"/firmware/{firmware.pk}/")

    assert "<strong>leaks</strong>" in page.text
    assert NASTY not in page.text


def test_a_version_shows_its_rollouts_and_its_updates(client, mira):
    firmware = make_firmware()
    rollout = make_rollout(firmware=firmware, devices=[make_device()], name="Spring")
    failed = make_deployment(status="failed", firmware=firmware)
    make_deployment(status="completed")

    page = client.get(f"/firmware/{firmware.pk}/")

    assert [one.rollout for one in page.context["rollouts"]] == [rollout]
    assert list(page.context["rows"]) == [failed]
    assert page.context["outcomes"] == [("Failed", 1)]


def test_withdrawing_asks_why_and_happens_once(client, tess):
    firmware = make_firmware(version="2.0.0")
    active = make_deployment(firmware=firmware)

    refused = client.post(f"/firmware/{firmware.pk}/withdraw", {"because": " "})
    client.post(f"/firmware/{firmware.pk}/withdraw", {"because": "It leaks."})
    again = client.post(f"/firmware/{firmware.pk}/withdraw", {"because": "Again."})

    firmware.refresh_from_db()
    active.refresh_from_db()
    assert (refused.status_code, "Say why." in words(refused)) == (422, True)
    assert (firmware.withdrawn_because, active.status) == ("It leaks.", "cancelled")
    assert again.status_code == 422
    assert "It leaks." in words(client.get(f"/firmware/{firmware.pk}/"))


def test_only_technicians_are_offered_and_allowed_to_act(client):
    update = make_deployment()
    firmware, device = update.firmware, update.device
    paths = [
        f"/firmware/{firmware.pk}/withdraw",
        f"/devices/{device.pk}/firmware",
        *(f"/devices/{device.pk}/updates/{update.pk}/{step}" for step in ("cancel", "retry", "roll-back")),
    ]
    may = {}
    for role in ROLES:
        sign_in(client, make_user(role=role))
        may[role] = [
            "/firmware/new" in client.get("/firmware/").text,
            client.get("/firmware/new").status_code,
            "/withdraw" in client.get(f"/firmware/{firmware.pk}/").text,
            "/cancel" in client.get(f"/devices/{device.pk}/?tab=firmware").text,
        ]
    refused = set()
    for role in ("user", "operator"):
        sign_in(client, make_user(role=role))
        refused |= {client.post(path).status_code for path in paths} | {post_version(client).status_code}

    yes, no = [True, 200, True, True], [False, 403, False, False]
    assert may == {"user": no, "operator": no, "technician": yes, "admin": yes}
    assert refused == {403}


def test_a_stranger_is_asked_to_sign_in(client):
    firmware = make_firmware()
    for path in ("/firmware/", "/firmware/new", f"/firmware/{firmware.pk}/", "/firmware/rollouts/"):
        assert client.get(path).status_code == 302


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "queries"), [("/firmware/", 5), ("/firmware/{}/", 9)])
def test_a_page_costs_the_same_for_any_number_of_rows(
    client, mira, rows, path, queries, django_assert_num_queries
):
    firmware = make_firmware(version="2.0.0")
    for _ in range(rows):
        make_firmware()
        make_rollout(firmware=firmware, devices=[make_device()])
        make_deployment(firmware=firmware)

    with django_assert_num_queries(queries):
        assert client.get(path.format(firmware.pk)).status_code == 200


@pytest.mark.parametrize("path", ["/firmware/99/", "/firmware/99999999999999999999999/"])
def test_an_unknown_version_is_not_found(client, mira, path):
    assert client.get(path).status_code == 404


# The tab of a device


def test_a_device_is_put_on_another_version_that_it_can_take(client, tess):
    device = make_runner("1.0.0")
    fit = make_firmware(version="2.0.0")
    make_firmware(version="1.0.0")
    other = make_firmware(version="2.0.0", device_type="gateway")

    tab = client.get(f"/devices/{device.pk}/?tab=firmware")
    refused = client.post(f"/devices/{device.pk}/firmware", {"firmware": other.pk}, follow=True)
    client.post(f"/devices/{device.pk}/firmware", {"firmware": fit.pk})
    second = client.post(f"/devices/{device.pk}/firmware", {"firmware": fit.pk}, follow=True)

    update = Deployment.objects.get()
    assert tab.context["offered"] == [fit]
    assert "is for gateways" in words(refused)
    assert (update.device, update.firmware, update.created_by) == (device, fit, tess)
    assert "under way" in words(second)


@pytest.mark.parametrize("asked", ["", "x", "²", "9" * 30])
def test_no_version_is_refused_in_words(client, tess, asked):
    answer = client.post(f"/devices/{make_device().pk}/firmware", {"firmware": asked}, follow=True)

    assert "Choose a version." in words(answer)


@pytest.mark.parametrize(
    ("status", "step", "becomes"),
    [
        ("pending", "cancel", "cancelled"),
        ("failed", "retry", "pending"),
        ("completed", "roll-back", "rolled_back"),
    ],
)
def test_each_step_is_offered_where_it_can_be_taken_and_takes_it(client, tess, status, step, becomes):
    make_firmware(version="1.0.0")
    update = make_deployment(status=status)
    base = f"/devices/{update.device_id}"

    tab = client.get(f"{base}/?tab=firmware").text
    client.post(f"{base}/updates/{update.pk}/{step}")

    offered = [name for name in ("cancel", "retry", "roll-back") if f"/updates/{update.pk}/{name}" in tab]
    update.refresh_from_db()
    assert (offered, update.status) == ([step], becomes)


def test_the_update_of_another_device_is_not_found_here(client, tess):
    update = make_deployment()

    answer = client.post(f"/devices/{make_device().pk}/updates/{update.pk}/cancel")

    update.refresh_from_db()
    assert (answer.status_code, update.status) == (404, "pending")


def test_the_tab_tells_each_step_of_an_update(client, mira):
    update = make_deployment(status="completed")

    tab = client.get(f"/devices/{update.device_id}/?tab=firmware")

    assert [one.deployment for one in tab.context["updates"]] == [update]
    assert "4 steps" in words(tab)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_tab_costs_the_same_for_any_number_of_updates(client, tess, rows, django_assert_num_queries):
    device = make_runner()
    for _ in range(rows):
        make_deployment(device, status="failed")

    with django_assert_num_queries(9):
        assert client.get(f"/devices/{device.pk}/?tab=firmware").status_code == 200
