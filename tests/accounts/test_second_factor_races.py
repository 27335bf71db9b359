"""Two bring the same code in the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from factory.accounts.models import Session
from factory.accounts.second_step import SecondFactorWrong
from factory.accounts.services import take_second_step
from tests.accounts.second_factors import make_phone
from tests.builders import NOON

TOGETHER = 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery code"])
def test_of_those_who_bring_the_same_code_at_once_exactly_one_gets_in(kind):
    phone = make_phone(at=NOON)
    code = phone.code(NOON) if kind == "app" else phone.recovery_codes[0]
    before = Session.objects.count()
    start = Barrier(TOGETHER)

    def try_it(number: int) -> str:
        try:
            start.wait(30)
            take_second_step(user=phone.owner, code=code, at=NOON, address=f"203.0.113.{number}")
            return "in"
        except SecondFactorWrong:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(TOGETHER) as pool:
        outcomes = sorted(pool.map(try_it, range(TOGETHER)))

    assert outcomes == ["in"] + ["refused"] * (TOGETHER - 1)
    assert Session.objects.count() == before + 1
