"""The short form. The long one: `python -m tests.chaos --seconds 1800`, or `--chaos-seconds`."""

import random

import pytest

from tests import services

pytestmark = pytest.mark.chaos


@pytest.fixture
def _programs():
    pytest.importorskip("MySQLdb")
    try:
        for names in (("mariadbd", "mysqld"), ("redis-server", "valkey-server"), ("mosquitto",)):
            services.program(*names)
    except services.NotInstalled as missing:
        pytest.skip(f"not installed: {missing}")


@pytest.mark.usefixtures("_programs")
def test_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed(request, capsys):
    from tests.chaos.run import run

    chosen = request.config.getoption
    seed = chosen("--chaos-seed")
    if seed is None:
        seed = random.randrange(1_000_000)
    with capsys.disabled():
        report = run(
            seed=seed,
            seconds=chosen("--chaos-seconds"),
            devices=chosen("--chaos-devices"),
            rate=25,
            say=print,
        )

    assert report.problems == [], f"seed {report.seed}"
    assert report.acknowledged > 1000
