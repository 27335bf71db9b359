"""Large files of devices: looked through, written some rows at a time, cancelled, gone on with; and their tokens."""

import csv
import io
from datetime import timedelta

import pytest

from devices.models import Credential, Device, DeviceImport, ImportRefusal, Presence
from devices.queries import ImportUnknown, get_import
from devices.services import rotate_token
from devices.services.importing import CLAIM
from devices.services.imports import (
    ATTEMPTS,
    KEEP,
    TOKENS_FOR,
    UNFINISHED_LIMIT,
    ImportMovedOn,
    TooManyImports,
    cancel_import,
    is_large,
    make_tokens,
    refused_rows_as_csv,
    sweep_imports,
)
from devices.tokens import hash_of
from factory.errors import Forbidden, InvalidInput
from tests.builders import NOON, make_device, make_user
from tests.devices.importing import HEAD, bring, done, file_of, start, work

pytestmark = pytest.mark.django_db


def tokens_in(content):
    return {row["deviceId"]: row["token"] for row in csv.DictReader(io.StringIO(content.decode()))}


def shown(one):
    return (one.status, one.created, one.updated, one.unchanged, one.bad)


@pytest.mark.parametrize(("devices", "large"), [(200, False), (201, True)])
def test_a_file_of_more_than_two_hundred_rows_is_large(devices, large):
    assert is_large(text=file_of(devices)) is large


def test_a_file_is_looked_through_first_and_nothing_is_written():
    make_device(external_id="d-0", name="Device 0", zone="Hall A")
    make_device(external_id="d-1", name="Device 1", zone="Hall B")

    one = work(bring(file_of(450, more="bad,Bad,pump,\n")))

    assert shown(one) == ("ready", 448, 1, 1, 1)
    assert Device.objects.count() == 2
    assert list(ImportRefusal.objects.values_list("row", "field")) == [(452, "type")]


def test_once_begun_it_is_written_and_the_devices_have_no_token_yet():
    make_device(external_id="d-1", name="Device 1", zone="Hall B")
    one = work(bring(file_of(450)))

    one = work(start(one))

    assert shown(one) == ("done", 449, 1, 0, 0)
    assert (one.finished_at, one.percent) == (NOON, 100)
    assert Device.objects.get(external_id="d-1").zone == "Hall A"
    assert one.imported.count() == Presence.objects.filter(device__imported__of_import=one).count() == 449
    assert not Credential.objects.filter(device__imported__isnull=False).exists()


def test_a_wrong_row_holds_up_all_until_it_is_to_be_left_out():
    one = work(bring(file_of(201, more="bad,Bad,pump,\n")))

    with pytest.raises(ImportMovedOn, match="a row is wrong"):
        start(one)
    one = work(start(one, skip_bad=True))

    assert shown(one) == ("done", 201, 0, 0, 1)


def test_a_device_named_twice_is_wrong_also_many_rows_later():
    one = work(bring(file_of(401, more="d-3,Again,sensor,\n")))

    assert list(one.refusals.values_list("row", "message")) == [(403, "is in row 5 already")]


def test_only_who_brought_it_begins_it_and_only_once():
    one = work(bring(file_of(201)))

    with pytest.raises(Forbidden):
        start(one, by=make_user(role="admin"))
    start(one)
    with pytest.raises(ImportMovedOn, match="already"):
        start(one)


def test_it_is_not_begun_before_it_is_looked_through():
    with pytest.raises(ImportMovedOn):
        start(bring(file_of(201)))


def test_of_one_person_no_more_than_a_few_are_unfinished():
    by = make_user(role="technician")
    brought = [bring(file_of(1), by=by) for _ in range(UNFINISHED_LIMIT)]

    with pytest.raises(TooManyImports):
        bring(file_of(1), by=by)
    bring(file_of(1))
    cancel_import(import_id=brought[0].pk, at=NOON)
    bring(file_of(1), by=by)


@pytest.mark.parametrize("text", ["", "name\nx\n", f"{HEAD}\ud800,a,sensor,\n"])
def test_what_is_no_such_file_is_refused_at_once(text):
    with pytest.raises(InvalidInput):
        bring(text)
    assert not DeviceImport.objects.exists()


def test_cancelled_in_between_it_keeps_what_was_written(monkeypatch):
    monkeypatch.setattr("devices.services.importing.TURN_SECONDS", 0.0001)
    monkeypatch.setattr("devices.services.importing.CHUNK", 100)
    one = bring(file_of(250))
    for _ in range(3):
        work(one)
    start(one)
    work(one)
    assert get_import(one.pk).next_row == 100

    cancel_import(import_id=one.pk, at=NOON)
    one = work(one)

    assert shown(one) == ("cancelled", 100, 0, 0, 0)
    assert Device.objects.count() == one.imported.count() == 100
    with pytest.raises(ImportMovedOn, match="over already: cancelled"):
        cancel_import(import_id=one.pk, at=NOON)


def test_while_one_worker_has_it_no_other_begins():
    one = bring(file_of(201))
    DeviceImport.objects.filter(pk=one.pk).update(claim="busy", claimed_until=NOON + CLAIM)

    assert work(one).next_row == 0
    assert work(one, at=NOON + CLAIM).status == "ready"


def test_what_a_killed_worker_left_goes_on_where_it_was(django_capture_on_commit_callbacks):
    one = bring(file_of(401))
    work(one)
    start(one)
    DeviceImport.objects.filter(pk=one.pk).update(claim="killed", claimed_until=NOON + CLAIM, attempts=1)

    assert sweep_imports(at=NOON) == 0
    assert sweep_imports(at=NOON + CLAIM) == 1
    assert shown(work(one, at=NOON + CLAIM)) == ("done", 401, 0, 0, 0)


def test_one_that_kills_its_workers_is_given_up():
    one = bring(file_of(201))
    DeviceImport.objects.filter(pk=one.pk).update(claim="k", claimed_until=NOON, attempts=ATTEMPTS)

    assert sweep_imports(at=NOON) == 0

    one = get_import(one.pk)
    assert (one.status, one.error) == ("failed", "It was begun 5 times and came no further.")


def test_what_breaks_is_told_and_what_was_written_stays(monkeypatch):
    one = work(bring(file_of(201)))
    start(one)

    def broken(*_, **__):
        raise RuntimeError

    monkeypatch.setattr("devices.services.importing.write_plan", broken)
    one = work(one)

    assert (one.status, one.error) == ("failed", "Something broke on our side: RuntimeError")
    assert not Device.objects.exists()


def test_after_a_week_it_is_forgotten_and_its_devices_stay():
    one = done(file_of(3))

    sweep_imports(at=NOON + KEEP)

    assert Device.objects.count() == 3
    with pytest.raises(ImportUnknown):
        get_import(one.pk)


def test_wrong_rows_come_back_with_the_reason_and_can_be_read_again():
    one = work(bring(f'{HEAD}a,"Pump, the first",pump,=Hall\nb,B,sensor,\nb,B,sensor,\nc,C\n'))

    content = refused_rows_as_csv(import_id=one.pk).decode()

    rows = list(csv.reader(io.StringIO(content)))
    assert rows[0] == ["deviceId", "name", "type", "zone", ""]
    assert [row[:4] for row in rows[1:]] == [
        ["a", "Pump, the first", "pump", "=Hall"],
        ["b", "B", "sensor", ""],
        ["c", "C", "", ""],
    ]
    assert rows[2][4] == "deviceId: is in row 3 already"
    mended = work(bring(content.replace("pump", "sensor").replace("c,C,,", "c,C,sensor,")))
    assert shown(mended) == ("ready", 3, 0, 0, 0)


# Tokens


def test_tokens_are_made_for_who_began_it_and_kept_as_hashes():
    one = done(file_of(3))

    made = tokens_in(make_tokens(import_id=one.pk, by=one.created_by, at=NOON))

    assert sorted(made) == ["d-0", "d-1", "d-2"]
    kept = dict(Credential.objects.values_list("device__external_id", "token_hash"))
    assert kept == {name: hash_of(token) for name, token in made.items()}


def test_made_again_the_ones_before_end():
    one = done(file_of(2))
    before = make_tokens(import_id=one.pk, by=one.created_by, at=NOON)
    after = make_tokens(import_id=one.pk, by=one.created_by, at=NOON)

    assert not set(tokens_in(before).values()) & set(tokens_in(after).values())
    alive = set(Credential.objects.alive(NOON).values_list("token_hash", flat=True))
    assert alive == {hash_of(token) for token in tokens_in(after).values()}


def test_a_device_that_was_heard_or_got_a_token_otherwise_keeps_it():
    one = done(file_of(4))
    make_tokens(import_id=one.pk, by=one.created_by, at=NOON)
    heard, rotated, retired, _ = Device.objects.order_by("pk")
    Presence.objects.filter(pk=heard.pk).update(last_seen_at=NOON)
    rotate_token(device=rotated, at=NOON)
    Device.objects.filter(pk=retired.pk).update(deactivated_at=NOON)

    made = tokens_in(make_tokens(import_id=one.pk, by=one.created_by, at=NOON))

    assert list(made) == ["d-3"]
    assert Credential.objects.alive(NOON).filter(device=heard).count() == 1


@pytest.mark.parametrize("late", [False, True])
def test_nobody_else_has_them_and_nobody_after_a_day(late):
    one = done(file_of(2))
    by = one.created_by if late else make_user(role="admin")
    at = NOON + TOKENS_FOR if late else NOON

    with pytest.raises(Forbidden):
        make_tokens(import_id=one.pk, by=by, at=at)

    assert not Credential.objects.exists()


def test_there_are_none_before_the_end():
    one = work(bring(file_of(2)))

    with pytest.raises(Forbidden):
        make_tokens(import_id=one.pk, by=one.created_by, at=NOON + timedelta(hours=1))
