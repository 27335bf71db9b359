"""When the time of a request is up its statement ends, its loop ends, its thread is free."""

import time

import pytest
from django.db import connection, transaction

from devices.models import Device
from factory import deadline
from factory.errors import TimeIsUp
from factory.trpc.gateway import Gateway
from tests.builders import make_device
from tests.factory.slow import registry, run_for_ever
from tests.trpc.asking import get, post

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_statement_ends_with_the_request():
    with deadline.within(0.3), pytest.raises(TimeIsUp, match="This took too long"):
        run_for_ever()


def test_a_statement_ends_after_its_own_time(settings):
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION max_statement_time = 0.3")  # as DB_TIMEOUT sets it when we connect
    settings.DB_TIMEOUT = 0.3

    with deadline.within(20), pytest.raises(TimeIsUp, match=r"The database took longer than 0\.3 s"):
        run_for_ever()
    connection.close()


def test_the_connection_works_on_after_it():
    with deadline.within(0.2), pytest.raises(TimeIsUp):
        run_for_ever()

    assert Device.objects.count() == 0


def test_a_loop_of_statements_ends_too():
    rounds = []

    def count_for_ever():
        while True:
            rounds.append(Device.objects.count())

    with deadline.within(0.3), pytest.raises(TimeIsUp):
        count_for_ever()

    assert set(rounds) == {0}


def test_what_was_written_before_is_taken_back():
    device = make_device(name="Press")

    def write_for_ever():
        with transaction.atomic():
            Device.objects.filter(pk=device.pk).update(name="Other")
            with transaction.atomic():
                run_for_ever()

    with deadline.within(0.3), pytest.raises(TimeIsUp):
        write_for_ever()

    device.refresh_from_db()
    assert device.name == "Press"


def test_what_follows_a_commit_has_time_left():
    told = []
    # Two seconds are left to commit, and four in all.
    with deadline.within(30, since=time.monotonic() - 26), transaction.atomic():
        make_device()
        transaction.on_commit(lambda: told.append(Device.objects.count()))
        time.sleep(2.1)

    assert told == [1]


def test_in_time_everything_is_as_without_a_deadline(django_assert_num_queries):
    with deadline.within(5), django_assert_num_queries(1):
        assert Device.objects.filter(name="x%").count() == 0


def test_near_the_end_statements_still_mean_the_same(settings):
    settings.DB_TIMEOUT = 600  # so that all of it is near
    with deadline.within(30):
        device = make_device(name="100% Press")
        Device.objects.filter(pk=device.pk).update(name="200% Press")
        Device.objects.bulk_create([Device(external_id=f"x{n}", name="x", type="sensor") for n in range(3)])
        names = sorted(Device.objects.values_list("name", flat=True))
        Device.objects.all().delete()

    assert names == ["200% Press", "x", "x", "x"]
    assert Device.objects.count() == 0


def test_outside_of_requests_nothing_is_watched():
    deadline.check()
    assert Device.objects.count() == 0


def test_inside_another_one_the_outer_deadline_comes_back():
    with deadline.within(0.01):
        with deadline.within(5):
            time.sleep(0.02)
            deadline.check()
        with pytest.raises(TimeIsUp):
            deadline.check()


def test_the_time_a_request_waited_for_a_thread_counts():
    with deadline.within(5, since=time.monotonic() - 6), pytest.raises(TimeIsUp):
        Device.objects.count()


@pytest.mark.parametrize(
    ("path", "seconds"),
    [("/api/trpc/readings.create", 30), ("/api/trpc/firmware.create", 300), ("/devices", 30)],
)
def test_uploads_have_more_time(path, seconds):
    assert deadline.seconds_for(path) == seconds


SLOW = Gateway(registry)


def test_a_procedure_that_takes_too_long_is_answered_with_408():
    with deadline.within(0.3):
        answer = get("slow.query", gateway=SLOW)

    assert answer.status == 408
    assert answer.json["error"]["code"] == -32008
    assert answer.json["error"]["data"] == {"code": "TIMEOUT", "httpStatus": 408, "path": "slow.query"}


def test_of_a_batch_what_was_done_in_time_is_told():
    with deadline.within(0.3):
        answer = get("slow.quick,slow.query,slow.quick", batch=True, gateway=SLOW)

    assert answer.status == 207
    assert [each.get("result", {}).get("data") for each in answer.json] == [0, None, None]
    assert [each["error"]["data"]["code"] for each in answer.json[1:]] == ["TIMEOUT", "TIMEOUT"]


def test_a_write_that_takes_too_long_writes_nothing():
    with deadline.within(0.3):
        answer = post("slow.write", gateway=SLOW)

    assert answer.status == 408
    assert Device.objects.filter(external_id="half-made").count() == 0
