"""What nobody can mean, said by program: refused with the field, or understood, and never a 500."""

import pytest

from analytics.models import Calendar, StopCode
from tests.builders import Trpc, data_of, refusal_of

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
