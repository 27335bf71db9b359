"""The file on its way to devices: who gets it, from which byte, how many at a time."""

from datetime import timedelta

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.signals import request_finished
from django.db import close_old_connections
from django.utils import timezone

from devices.identity import known_tokens
from factory.errors import Unavailable
from ota.links import LIFETIME, download_link, permit_of
from ota.models import Deployment, DownloadSlot
from ota.ranges import Unsatisfiable, part_asked_for
from ota.services.deployments import deploy
from ota.services.firmware import register_external, withdraw_firmware
from ota.services.places import LEASE, DownloadsBusy, keep_place, leave_place, take_place
from tests.builders import NOON, make_device, make_firmware, make_token, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 1000
SIZE = len(CONTENT)


@pytest.fixture(autouse=True)
def _no_known_tokens():
    known_tokens.clear()


@pytest.fixture
def firmware():
    return make_firmware(content=CONTENT)


@pytest.fixture
def device():
    return make_device()


@pytest.fixture
def fetch(client, firmware, device):
    """Ask as a device with an update under way."""
    deploy(device=device, firmware=firmware, at=timezone.now())
    bearer = f"Bearer {make_token(device, at=timezone.now())}"

    def ask(method="get", **headers):
        send = getattr(client, method)
        return send(address(firmware), headers={"authorization": bearer, **headers})

    return ask


def address(firmware):
    return f"/api/firmware/{firmware.pk}/file"


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_the_whole_file_with_all_that_a_resuming_client_needs(storage, fetch, firmware):
    response = fetch()

    assert (response.status_code, body(response)) == (200, CONTENT)
    wanted = {
        "Content-Length": str(SIZE),
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
        "ETag": f'"{firmware.checksum}"',
        "Content-Disposition": f'attachment; filename="sensor-{firmware.version}.bin"',
    }
    assert {name: response.headers[name] for name in wanted} == wanted


def test_head_tells_the_same_without_the_file(fetch):
    whole, head = fetch(), fetch("head", range="bytes=0-1")
    body(whole)
    assert (head.status_code, head.content) == (200, b"")
    left = "X-RateLimit-Remaining"
    assert {**head.headers, left: ""} == {**whole.headers, left: ""}


def hang_up(response):
    """Close an answer as a server does whose client is gone; the test's database connection stays."""
    response._iterator.close()  # the client's own, which closes the answer when it was begun
    request_finished.disconnect(close_old_connections)
    try:
        response.close()
    finally:
        request_finished.connect(close_old_connections)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=153600-", 153_600, SIZE),
        ("bytes=-1", SIZE - 1, SIZE),
        (f"bytes=-{SIZE * 2}", 0, SIZE),
        (f"bytes={SIZE - 1}-{SIZE * 9}", SIZE - 1, SIZE),
        ("Bytes = 5 - 9", 5, 10),
    ],
)
def test_a_part(storage, fetch, asked, start, stop):
    response = fetch(range=asked)

    assert (response.status_code, body(response)) == (206, CONTENT[start:stop])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert response.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"])
def test_a_part_that_is_not_there(fetch, asked):
    response = fetch(range=asked)
    assert (response.status_code, response.content) == (416, b"")
    assert response.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,5-6",
        "lines=1-2",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-5",
        "bytes=a-b",
        "bytes=--5",
        f"bytes={'9' * 19}-",
    ],
)
def test_what_is_no_single_range_gets_the_whole(fetch, asked):
    response = fetch(range=asked)
    assert (response.status_code, body(response)) == (200, CONTENT)


def test_ranges_are_exact_for_every_small_file():
    for size in range(1, 6):
        for start in range(7):
            for last in range(start, 7):
                text = f"bytes={start}-{last}"
                if start >= size:
                    with pytest.raises(Unsatisfiable):
                        part_asked_for(text, size)
                else:
                    assert part_asked_for(text, size) == (start, min(last + 1, size))


def test_conditions_are_about_the_checksum(fetch, firmware):
    tag = f'"{firmware.checksum}"'
    cases = [
        ({"if-none-match": tag}, 304),
        ({"if-none-match": f'"x", W/{tag}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200),
        ({"if-match": tag}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": '"x"'}, 412),
        ({"if-match": f"W/{tag}"}, 412),
        ({"if-match": '"x"', "range": "bytes=0-1"}, 412),
        ({"if-match": tag, "range": "bytes=0-1"}, 206),
        ({"if-range": tag, "range": "bytes=0-1"}, 206),
        ({"if-range": '"x"', "range": "bytes=0-1"}, 200),
        ({"if-range": f"W/{tag}", "range": "bytes=0-1"}, 200),
        ({"if-range": "Mon, 01 Jun 2026 12:00:00 GMT", "range": "bytes=0-1"}, 200),
        ({"if-range": '"x"', "range": f"bytes={SIZE}-"}, 200),
        ({"if-range": tag}, 200),
    ]
    for headers, status in cases:
        response = fetch(**headers)
        assert (headers, response.status_code) == (headers, status)
        assert response.headers["ETag"] == tag
        length = {200: SIZE, 206: 2}.get(status, 0)
        assert len(body(response)) == length


def test_only_reading_is_possible(fetch):
    for method in ("post", "put", "delete", "patch"):
        response = fetch(method)
        assert refusal_of(response)[:2] == (405, "METHOD_NOT_SUPPORTED")
        assert response.headers["Allow"] == "GET, HEAD"


def test_a_link_is_for_one_device_and_half_an_hour(client, firmware, device, settings):
    now = timezone.now()
    deployment = deploy(device=device, firmware=firmware, at=now)
    url, until = download_link(firmware=firmware, deployment_id=deployment.pk, device_id=device.pk, at=now)
    path = url.removeprefix(settings.PUBLIC_URL)

    assert until == now + LIFETIME == now + timedelta(minutes=30)
    assert path.startswith(f"/api/firmware/{firmware.pk}/file?key=")
    assert body(client.get(path)) == CONTENT
    other = make_firmware()
    assert client.get(path.replace(f"/{firmware.pk}/", f"/{other.pk}/")).status_code == 401
    assert client.get(path[:-1] + ("A" if path[-1] != "A" else "B")).status_code == 401
    assert client.get(path + "x").status_code == 401
    key = path.partition("key=")[2]
    assert permit_of(key, at=until) is not None
    assert permit_of(key, at=until + timedelta(seconds=1)) is None
    with time_machine.travel(until + timedelta(seconds=2), tick=False):
        assert client.get(path).status_code == 401

    foreign, _ = download_link(
        firmware=firmware, deployment_id=deployment.pk, device_id=make_device().pk, at=now
    )
    assert client.get(foreign.removeprefix(settings.PUBLIC_URL)).status_code == 403


def test_a_link_ends_with_its_deployment(client, firmware, device, settings):
    now = timezone.now()
    deployment = deploy(device=device, firmware=firmware, at=now)
    url, _ = download_link(firmware=firmware, deployment_id=deployment.pk, device_id=device.pk, at=now)
    withdraw_firmware(firmware=firmware, because="Overheats.", by=make_user(), at=now)
    assert Deployment.objects.get().status == "cancelled"

    answer = client.get(url.removeprefix(settings.PUBLIC_URL))

    assert refusal_of(answer)[:2] == (403, "FORBIDDEN")


def test_on_s3_the_link_leads_there_and_the_storage_itself_checks_it(settings, s3_server, firmware):
    import httpx

    from tests.ota.storing import use_storage

    use_storage(settings, s3_server.url)
    kept = make_firmware(content=CONTENT + b"s3")
    url, _ = download_link(firmware=kept, deployment_id=1, device_id=1, at=timezone.now())

    assert url.startswith(f"{s3_server.endpoint}/plant/{kept.file}?")
    assert "X-Amz-Expires=1800" in url
    answer = httpx.get(url, headers={"range": "bytes=256000-"}, trust_env=False)
    assert (answer.status_code, answer.content) == (206, b"s3")


@pytest.mark.parametrize("nothing", [999999, 2**63, 10**23])
def test_a_stranger_a_viewer_another_device_and_an_operator_get_nothing(client, firmware, nothing):
    def status(path, **headers):
        response = client.get(path, headers=headers)
        assert CONTENT[:50] not in body(response)
        return response.status_code, response.content if response.status_code >= 400 else b""

    nowhere = f"/api/firmware/{nothing}/file"
    # Whether it exists is not told either: the answers are the same, to the byte.
    assert status(address(firmware)) == status(nowhere)
    assert status(address(firmware))[0] == 401
    bad = {"authorization": "Bearer sfd_nonsense"}
    assert status(address(firmware), **bad) == status(nowhere, **bad)
    other = {"authorization": f"Bearer {make_token(make_device(), at=timezone.now())}"}
    assert status(address(firmware), **other) == status(nowhere, **other)
    assert status(address(firmware), **other)[0] == 403
    for role in ("user", "operator"):
        sign_in(client, make_user(role=role))
        assert status(address(firmware)) == status(nowhere)
        assert status(address(firmware))[0] == 403
    for role in ("technician", "admin"):
        sign_in(client, make_user(role=role))
        assert status(nowhere)[0] == 404
        assert body(client.get(address(firmware))) == CONTENT


def test_a_device_gets_only_what_is_deployed_to_it_and_only_as_long(client, fetch, firmware, device):
    assert body(fetch()) == CONTENT
    Deployment.objects.update(status="completed", active_key=None)
    assert refusal_of(fetch())[0] == 403


def test_what_somebody_else_keeps_is_asked_for_there(client):
    firmware = register_external(
        url="https://files.example/x.bin",
        size=3,
        checksum="ab" * 32,
        version="1.0.0",
        device_type="sensor",
        by=make_user(),
        at=NOON,
    )
    sign_in(client, make_user(role="technician"))
    answer = client.get(address(firmware))
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://files.example/x.bin")
    assert (
        download_link(firmware=firmware, deployment_id=1, device_id=1, at=NOON)[0]
        == answer.headers["Location"]
    )


@pytest.mark.parametrize("swapped", [CONTENT + b"x", CONTENT[:-1], None])
def test_a_file_of_another_size_is_not_served(storage, fetch, firmware, swapped):
    default_storage.delete(firmware.file)
    if swapped is not None:
        default_storage.save(firmware.file, ContentFile(swapped))

    for headers in ({}, {"range": "bytes=5-"}):
        assert refusal_of(fetch(**headers))[:2] == (502, "BAD_GATEWAY")
    assert DownloadSlot.objects.exclude(until=None).count() == 0


def test_a_file_swapped_for_one_of_the_same_size_is_known_by_the_checksum(storage, fetch, firmware):
    import hashlib

    default_storage.delete(firmware.file)
    default_storage.save(firmware.file, ContentFile(CONTENT[::-1]))

    response = fetch()

    tag = response.headers["ETag"].strip('"')
    assert (tag, hashlib.sha256(body(response)).hexdigest() == tag) == (firmware.checksum, False)


def test_a_download_cut_at_60_percent_goes_on_where_it_was(fetch, firmware):
    first = fetch()
    got, pieces = b"", iter(first.streaming_content)
    while len(got) < SIZE * 0.6:
        got += next(pieces)
    hang_up(first)
    rest = fetch(**{"range": f"bytes={len(got)}-", "if-range": first.headers["ETag"]})

    moved = body(rest)
    assert (rest.status_code, got + moved) == (206, CONTENT)
    assert len(got) + len(moved) == SIZE
    assert DownloadSlot.objects.exclude(until=None).count() == 0


def test_so_many_at_a_time_and_no_more(settings, client, firmware):
    settings.OTA_PARALLEL_DOWNLOADS = 3
    sign_in(client, make_user(role="technician"))
    running = [client.get(address(firmware)) for _ in range(3)]

    refused = client.get(address(firmware))

    assert refusal_of(refused)[:2] == (503, "SERVICE_UNAVAILABLE")
    assert refused.headers["Retry-After"] == "15"
    assert client.head(address(firmware)).status_code == 200
    hang_up(running[0])
    again = client.get(address(firmware))
    assert body(again) == CONTENT
    for response in running[1:]:
        hang_up(response)
    assert DownloadSlot.objects.exclude(until=None).count() == 0


def test_one_device_does_not_take_all_places(fetch):
    running = [fetch(), fetch()]
    assert refusal_of(fetch())[0] == 503
    for response in running:
        hang_up(response)
    last = fetch()
    assert body(last) == CONTENT


def test_a_place_whose_process_died_is_free_again(settings):
    settings.OTA_PARALLEL_DOWNLOADS = 1
    lost = take_place(device_id=None, at=NOON)
    with pytest.raises(DownloadsBusy):
        take_place(device_id=None, at=NOON + LEASE - timedelta(seconds=1))

    assert keep_place(place=lost, at=NOON + timedelta(seconds=60))
    with pytest.raises(Unavailable):
        take_place(device_id=None, at=NOON + LEASE)
    taken = take_place(device_id=None, at=NOON + timedelta(seconds=60) + LEASE)

    assert not keep_place(place=lost, at=NOON)
    leave_place(place=lost)
    assert keep_place(place=taken, at=NOON)


def test_a_download_that_takes_too_long_is_cut(settings, fetch):
    from ota.download import CutShort

    settings.DOWNLOAD_TIMEOUT = -1
    response = fetch()
    with pytest.raises(CutShort):
        body(response)


@pytest.mark.django_db(transaction=True)
def test_many_at_the_same_moment_get_exactly_the_places_there_are(settings):
    from tests.ota.test_firmware import together

    settings.OTA_PARALLEL_DOWNLOADS = 5
    told = together(*[lambda: take_place(device_id=None, at=NOON)] * 12)

    places = [each.number for each in told if not isinstance(each, DownloadsBusy)]
    assert sorted(places) == [1, 2, 3, 4, 5]
