"""Which silent devices went together: no database, no clock."""

from datetime import timedelta
from random import Random

import pytest

from alerts.together import Silent, span_of, who_went_together
from tests.builders import NOON


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def by_deadline(number, *, heard, silent_seconds=120, due=True):
    """Last heard at a second, and noticed when its time was up."""
    noticed = at(heard + silent_seconds)
    return Silent(
        number, *span_of(last_seen_at=at(heard), went_silent_at=noticed, said_goodbye=False), is_due=due
    )


def by_goodbye(number, *, said, heard=-3600, due=True):
    return Silent(
        number, *span_of(last_seen_at=at(heard), went_silent_at=at(said), said_goodbye=True), is_due=due
    )


@pytest.mark.parametrize(
    ("silent", "together"),
    [
        pytest.param([], set(), id="nobody"),
        pytest.param([by_deadline(n, heard=0) for n in (1, 2)], set(), id="two are not many"),
        pytest.param([by_deadline(n, heard=0) for n in (1, 2, 3)], {1, 2, 3}, id="at the same moment"),
        pytest.param(
            [by_deadline(1, heard=0), by_deadline(2, heard=60), by_deadline(3, heard=120)],
            {1, 2, 3},
            id="two minutes apart",
        ),
        pytest.param(
            [by_deadline(1, heard=0), by_deadline(2, heard=60), by_deadline(3, heard=121)],
            set(),
            id="more than two minutes apart",
        ),
        pytest.param(
            [by_deadline(n, heard=n * 40, silent_seconds=15) for n in (1, 2, 3)],
            {1, 2, 3},
            id="short deadlines, but within two minutes",
        ),
        pytest.param(
            [by_deadline(1, heard=0, silent_seconds=3600), *(by_deadline(n, heard=3000) for n in (2, 3))],
            {1, 2, 3},
            id="one that reports hourly may have gone at any time since",
        ),
        pytest.param(
            [by_deadline(1, heard=0, silent_seconds=1800), *(by_deadline(n, heard=3000) for n in (2, 3))],
            set(),
            id="but not after its deadline",
        ),
        pytest.param(
            [by_goodbye(1, said=0), by_goodbye(2, said=60), by_goodbye(3, said=120)],
            {1, 2, 3},
            id="goodbyes within two minutes, whenever they had last reported",
        ),
        pytest.param(
            [by_goodbye(1, said=0), by_goodbye(2, said=60), by_goodbye(3, said=121)],
            set(),
            id="goodbyes further apart",
        ),
        pytest.param(
            [by_goodbye(1, said=90, heard=0), by_deadline(2, heard=-50), by_deadline(3, heard=0)],
            {1, 2, 3},
            id="a will that the broker sends 90 seconds after, and deadlines",
        ),
        pytest.param(
            [by_deadline(n, heard=0, due=n == 2) for n in (1, 2, 3)],
            {1, 2, 3},
            id="one is due and the others will be",
        ),
        pytest.param([by_deadline(n, heard=0, due=False) for n in (1, 2, 3)], set(), id="nobody is due"),
        pytest.param(
            [
                *(by_deadline(n, heard=0, due=False) for n in (1, 2, 3, 4)),
                *(by_deadline(n, heard=3000) for n in (5, 6, 7)),
            ],
            {5, 6, 7},
            id="of two crowds that one of which somebody is due",
        ),
        pytest.param(
            [
                *(by_deadline(n, heard=0) for n in (1, 2, 3)),
                *(by_deadline(n, heard=3000) for n in (4, 5, 6, 7)),
                by_deadline(8, heard=9000),
            ],
            {4, 5, 6, 7},
            id="of two crowds the larger one",
        ),
    ],
)
def test_who_may_all_have_gone_at_one_moment(silent, together):
    assert who_went_together(silent) == together
    assert who_went_together(silent[::-1]) == together


def test_every_answer_is_a_crowd_that_none_exceeds():
    """Against looking at every moment there is."""
    random = Random(7)
    for _ in range(300):
        silent = [
            by_deadline(
                number,
                heard=random.randrange(600),
                silent_seconds=random.choice([15, 120, 300]),
                due=random.random() < 0.3,
            )
            for number in range(random.randrange(12))
        ]
        crowds = [[one for one in silent if one.first <= at(second) <= one.last] for second in range(1000)]
        sizes = [len(crowd) for crowd in crowds if len(crowd) >= 3 and any(one.is_due for one in crowd)]

        found = who_went_together(silent)

        assert len(found) == max(sizes, default=0)
        chosen = [one for one in silent if one.device_id in found]
        assert not chosen or max(one.first for one in chosen) <= min(one.last for one in chosen)
