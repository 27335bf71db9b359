"""The short form. The long one: `python -m tests.chaos --seconds 1800`, or `--chaos-seconds`."""

import random

import pytest

pytestmark = pytest.mark.chaos


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
