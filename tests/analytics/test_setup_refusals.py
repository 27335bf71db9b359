"""What nobody can mean, said by program: refused with the field, or understood, and never a 500."""

import pytest

from analytics.models import Calendar, StopCode
from analytics.services.machines import set_products
from tests.analytics.setting_up import make_machine
from tests.builders import NOON, Trpc, data_of, make_device, make_user, ms, refusal_of, sign_in

pytestmark = pytest.mark.django_db
CODE = {"code": "jam", "label": "Jam", "planned": False}


@pytest.mark.parametrize(
    ("change", "field"), [({"code": ".."}, "code"), ({"code": "-"}, "code"), ({"label": "   "}, "label")]
)
def test_a_code_that_stands_in_no_address_or_means_nothing_is_refused(client, tess, change, field):
    status, code, message = refusal_of(Trpc(client).mutate("analytics.setStopCode", {**CODE, **change}))

    assert (status, code, field in message) == (400, "BAD_REQUEST", True)
    assert not StopCode.objects.exists()


@pytest.mark.parametrize("code", ["jam", "7", "2.1-b_C", "x" * 40])
def test_a_code_in_letters_and_digits_is_kept(client, tess, code):
    data_of(Trpc(client).mutate("analytics.setStopCode", {**CODE, "code": code}))

    assert StopCode.objects.get().code == code


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "1970-01-02", "9999-12-31"])
def test_shifts_may_hold_from_any_day_on(client, tess, day):
    shift = {"name": "Early", "days": [1], "start": "06:00", "end": "14:00"}

    data_of(
        Trpc(client).mutate(
            "analytics.setShifts", {"timeZone": "Europe/Berlin", "shifts": [shift], "validFrom": day}
        )
    )

    assert str(Calendar.objects.get().valid_from) == day


def shifts_from(day, name):
    shift = {"name": name, "days": [1], "start": "06:00", "end": "14:00"}
    return {"timeZone": "Europe/Berlin", "shifts": [shift], **({"validFrom": day} if day else {})}


def test_the_answer_to_shifts_is_these_also_where_later_ones_are_said_already(client, tess):
    api = Trpc(client)
    for day in (None, "2030-01-01", "2026-01-01"):
        told = data_of(api.mutate("analytics.setShifts", shifts_from(day, f"From {day}")))

        assert (told["validFrom"], told["shifts"][0]["name"]) == (day, f"From {day}")


def test_one_version_of_shifts_is_taken_back_and_the_others_stay(client, tess):
    api = Trpc(client)
    for day in (None, "2026-01-01", "2030-01-01"):
        data_of(api.mutate("analytics.setShifts", shifts_from(day, "Early")))

    assert data_of(api.mutate("analytics.deleteShifts", {"validFrom": "2030-01-01"})) is True
    assert data_of(api.query("analytics.getShifts"))["validFrom"] == "2026-01-01"
    refused = refusal_of(api.mutate("analytics.deleteShifts", {"validFrom": "2030-01-01"}))
    assert refused == (404, "NOT_FOUND", "There are no shifts of its own that hold from 2030-01-01 on.")
    assert data_of(api.mutate("analytics.deleteShifts", {})) is True
    assert data_of(api.query("analytics.getShifts")) is None


def test_what_was_started_by_mistake_is_taken_back_by_an_operator(client):
    press = make_machine(make_device())
    set_products(device=press, products=[("A", 1.0)])
    sign_in(client, make_user(role="operator"))
    api = Trpc(client)
    begun = {"deviceId": press.pk, "startTime": ms(NOON)}
    data_of(api.mutate("analytics.startProduct", {**begun, "product": "A"}))

    assert data_of(api.mutate("analytics.takeBackProduct", begun))["product"] is None
    again = refusal_of(api.mutate("analytics.takeBackProduct", begun))
    assert again[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize("seconds", [0, 1e-300, 0.0009, 604_801, -1])
def test_a_cycle_that_no_machine_keeps_is_refused(client, tess, seconds):
    asked = {"deviceId": make_device().pk, "totalMetric": "parts", "running": {"status": ["online"]}}

    answer = Trpc(client).mutate("analytics.setMachineProfile", {**asked, "idealCycleSeconds": seconds})

    words = "idealCycleSeconds: must be from 0.001 s to a week"
    assert refusal_of(answer) == (400, "BAD_REQUEST", words)
