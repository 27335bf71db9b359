"""The procedures of firmware over HTTP: forms, JSON, who may, what is refused."""

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ota.models import Firmware
from tests.builders import (
    Trpc,
    data_of,
    make_device,
    make_firmware,
    make_token,
    make_user,
    refusal_of,
    sign_in,
)
from tests.ota.storing import stored_files

pytestmark = pytest.mark.django_db
CONTENT = b"\x7fELF" + bytes(range(256)) * 50


@pytest.fixture
def technician(client):
    user = make_user(role="technician")
    sign_in(client, user)
    return user


def post_form(
    client, content=CONTENT, *, origin="http://testserver", path="/api/trpc/firmware.create", **parts
):
    file = {} if content is None else {"file": SimpleUploadedFile("new.bin", content)}
    return client.post(path, {**file, **parts}, headers={"origin": origin})


def test_a_form_uploads_a_version(client, technician):
    told = data_of(
        post_form(
            client,
            version="1.0.0",
            deviceType="sensor",
            releaseNotes=" # First ",
            isStable="true",
            hardware="board-a, board-b",
        )
    )

    firmware = Firmware.objects.get()
    assert stored_files() == {firmware.file: CONTENT}
    created_at = told.pop("createdAt")
    assert created_at.endswith("Z")
    assert told == {
        "id": firmware.pk,
        "version": "1.0.0",
        "deviceType": "sensor",
        "sequence": 1,
        "releaseNotes": " # First ",
        "hardware": ["board-a", "board-b"],
        "fileUrl": f"http://127.0.0.1:8000/api/firmware/{firmware.pk}/file",
        "fileSize": len(CONTENT),
        "checksum": hashlib.sha256(CONTENT).hexdigest(),
        "manifest": "",
        "signature": "",
        "isStable": True,
        "createdBy": technician.pk,
        "withdrawnAt": None,
        "withdrawnBecause": "",
    }


def test_version_1_of_the_contract_takes_it_too(client, technician):
    answer = post_form(client, path="/api/v1/trpc/firmware.create", version="1.0.0", deviceType="sensor")
    assert data_of(answer)["isStable"] is False


def test_json_registers_a_file_that_lies_elsewhere(client, technician):
    about = {
        "version": "1.0.0",
        "deviceType": "gateway",
        "fileUrl": "https://files.example/gateway-1.0.0.bin",
        "checksum": "ab" * 32,
        "fileSize": 12_000_000,
        "hardware": ["board-a"],
        "isStable": True,
    }
    told = data_of(Trpc(client).mutate("firmware.create", about))
    assert {name: told[name] for name in about} == about


def test_where_somebody_else_keeps_a_file_is_for_those_who_may_fetch_it(client, technician, settings):
    about = {"version": "1.0.0", "deviceType": "gateway", "checksum": "ab" * 32, "fileSize": 12}
    outside = "https://files.example/gateway.bin?key=secret"
    id = data_of(Trpc(client).mutate("firmware.create", {**about, "fileUrl": outside}))["id"]
    ours = f"{settings.PUBLIC_URL}/api/firmware/{id}/file"
    for role, address in {"user": ours, "operator": ours, "technician": outside, "admin": outside}.items():
        sign_in(client, make_user(role=role))
        api = Trpc(client)
        assert data_of(api.query("firmware.getById", {"id": id}))["fileUrl"] == address
        assert [row["fileUrl"] for row in data_of(api.query("firmware.list"))] == [address]


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({}, "version"),
        ({"version": "1.0.0"}, "deviceType"),
        ({"version": "1.0.0", "deviceType": "toaster"}, "deviceType"),
        ({"version": "one", "deviceType": "sensor"}, "version"),
        ({"version": "1.0.0", "deviceType": "sensor", "isStable": "perhaps"}, "isStable"),
        ({"version": "1.0.0", "deviceType": "sensor", "hardware": "[1"}, "hardware"),
        ({"version": "1.0.0", "deviceType": "sensor", "hardware": "a,a"}, "hardware"),
        ({"version": "1.0.0", "deviceType": "sensor", "manifest": "{}"}, "signature"),
        ({"version": "1.0.0", "deviceType": "sensor", "signature": "x"}, "manifest"),
        ({"version": "1.0.0", "deviceType": "sensor", "fileUrl": "https://x.example/"}, "file"),
    ],
)
def test_a_wrong_part_is_named_and_nothing_is_kept(client, technician, parts, field):
    answer = post_form(client, **parts)

    assert refusal_of(answer)[:2] == (400, "BAD_REQUEST")
    assert field in answer.json()["error"]["data"]["fieldErrors"]
    assert (Firmware.objects.count(), stored_files()) == (0, {})


@pytest.mark.parametrize(
    ("about", "fields"),
    [
        ({}, ["file"]),
        ({"file": "not a file"}, ["file"]),
        ({"fileUrl": "https://x.example/a"}, ["checksum", "fileSize"]),
        ({"fileUrl": "https://x.example/a", "checksum": "ab" * 32, "fileSize": "12"}, ["fileSize"]),
    ],
)
def test_json_without_a_file_says_what_it_lacks(client, technician, about, fields):
    answer = Trpc(client).mutate("firmware.create", {"version": "1.0.0", "deviceType": "sensor", **about})
    assert refusal_of(answer)[0] == 400
    assert sorted(answer.json()["error"]["data"]["fieldErrors"]) == fields


def test_an_empty_file_and_no_file_are_refused(client, technician):
    for content in (b"", None):
        answer = post_form(client, content, version="1.0.0", deviceType="sensor")
        assert refusal_of(answer)[0] == 400
        assert list(answer.json()["error"]["data"]["fieldErrors"]) == ["file"]


def test_a_file_above_the_limit_is_413_and_one_below_may_be_larger_than_other_bodies(
    client, technician, settings
):
    settings.UPLOAD_FILE_MB = 6
    exact = post_form(client, b"x" * (6 * 1024 * 1024), version="1.0.0", deviceType="sensor")
    assert data_of(exact)["fileSize"] == 6 * 1024 * 1024
    above = post_form(client, b"y" * (6 * 1024 * 1024 + 1), version="1.0.1", deviceType="sensor")
    assert refusal_of(above)[:2] == (413, "PAYLOAD_TOO_LARGE")
    settings.TRPC_FORM_MAX = 1024
    assert refusal_of(post_form(client, b"z" * 2000, version="1.0.2", deviceType="sensor"))[0] == 413


def test_a_form_with_the_cookie_needs_our_origin(client, technician):
    answer = post_form(client, origin="https://evil.example", version="1.0.0", deviceType="sensor")
    assert refusal_of(answer)[0] == 403
    assert stored_files() == {}


def test_strangers_viewers_operators_and_devices_upload_nothing(client):
    assert refusal_of(post_form(client, version="1.0.0", deviceType="sensor"))[0] == 401
    for role in ("user", "operator"):
        sign_in(client, make_user(role=role))
        assert refusal_of(post_form(client, version="1.0.0", deviceType="sensor"))[0] == 403
    client.cookies.clear()
    from django.utils import timezone

    bearer = {"authorization": f"Bearer {make_token(make_device(), at=timezone.now())}"}
    answer = client.post("/api/trpc/firmware.create", {"file": SimpleUploadedFile("x", b"x")}, headers=bearer)
    assert refusal_of(answer)[0] == 403
    assert stored_files() == {}


@pytest.mark.parametrize("versions", [1, 3])
def test_a_list_costs_the_same_for_any_number(client, django_assert_num_queries, versions):
    sign_in(client, make_user())
    made = [make_firmware(version=f"1.{n}.0") for n in range(versions)]
    gateway = make_firmware(device_type="gateway")
    with django_assert_num_queries(2):  # the session, the versions
        told = data_of(Trpc(client).query("firmware.list"))
    assert [row["id"] for row in told] == [gateway.pk, *[each.pk for each in reversed(made)]]
    only = data_of(Trpc(client).query("firmware.list", {"deviceType": "sensor"}))
    assert [row["id"] for row in only] == [each.pk for each in reversed(made)]


def test_a_version_is_changed_withdrawn_and_deleted(client):
    sign_in(client, make_user(role="admin"))
    api, firmware, other = Trpc(client), make_firmware(), make_firmware()

    told = data_of(api.mutate("firmware.update", {"id": firmware.pk, "isStable": True, "releaseNotes": ""}))
    assert (told["isStable"], told["releaseNotes"]) == (True, "")
    told = data_of(api.mutate("firmware.withdraw", {"id": firmware.pk, "because": "Overheats."}))
    assert told["withdrawnBecause"] == "Overheats."
    assert refusal_of(api.mutate("firmware.withdraw", {"id": firmware.pk, "because": "x"}))[0] == 409
    assert [row["id"] for row in data_of(api.query("firmware.list"))] == [other.pk]
    assert len(data_of(api.query("firmware.list", {"includeWithdrawn": True}))) == 2
    assert data_of(api.mutate("firmware.delete", {"id": other.pk})) is True
    assert refusal_of(api.query("firmware.getById", {"id": other.pk}))[:2] == (404, "NOT_FOUND")
    assert data_of(api.query("firmware.getById", {"id": firmware.pk}))["id"] == firmware.pk


def test_the_door_lets_uploads_in_up_to_their_own_limit_and_nothing_else(settings):
    from factory.http_door import ceiling

    settings.UPLOAD_FORM_MAX = 12_345
    for path in (b"/api/trpc/firmware.create", b"/api/v1/trpc/firmware.create", b"/admin/ota/firmware/add/"):
        assert ceiling(path) == 12_345
    for path in (b"/api/trpc/firmware.update", b"/api/firmware/1/file", b"/"):
        assert ceiling(path) == settings.REQUEST_BODY_MAX
