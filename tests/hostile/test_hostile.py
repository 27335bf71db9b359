"""A hundred hostile requests of every kind to a plant that runs. The long form: `python -m tests.hostile`."""

import random
from functools import partial

import pytest

from tests.hostile import files, sizes, tokens, wire
from tests.hostile.at_work import at_work
from tests.hostile.run import KINDS, TALKING, run
from tests.hostile.scene import table

# Signed by nobody; its claims say who it is for.
A_TOKEN = "e30.eyJqdGkiOiAiYWJjIiwgInN1YiI6ICJhYmMifQ.e30"
KEYS = {"admin": A_TOKEN, "secret_key": "x" * 50}


@pytest.mark.parametrize(
    "make", [wire.paths, wire.headers, partial(tokens.asks, now=1_780_000_000), sizes.asks]
)
def test_the_same_seed_makes_the_same_hundred_different_requests(make):
    made, again = (make(KEYS, random.Random(3), 100) for _ in range(2))

    assert made == again
    assert len(made) == len({(each.path, each.headers, each.body, each.raw) for each in made}) == 100


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<p>&lt;script&gt;hx1000000001()&lt;/script&gt;</p>", 0),
        ('<input value="&quot;onfocus=hx1000000001()">', 0),
        ('<script type="application/json">"hx1000000001"</script>', 0),
        ("<script>hx1000000001()</script>", 1),
        ("<b onclick='hx1000000001()'>", 1),
        ("<a href='JavaScript:hx1000000001()'>", 1),
        ("<img src='https://example.com/hx1000000001.png'>", 1),
    ],
)
def test_a_text_that_has_become_more_than_text_is_seen(html, count):
    assert len(at_work(html)) == count


def test_a_cell_that_a_spreadsheet_would_work_out_is_seen():
    assert files.unguarded("a,=1+1\r\n-5,'=1+1\r\n") == ["=1+1"]


@pytest.mark.integration
def test_a_hundred_of_each_kind_are_refused_or_stay_text_and_none_breaks_anything(capsys):
    report = run(seed=1, count=100, say=print)

    with capsys.disabled():
        print("\n" + table(report))  # noqa: T201 -- the numbers are what it is about
    assert report.problems == []
    assert [row.kind for row in report.rows] == [*KINDS, *TALKING]
    assert {row.kind: row.failed for row in report.rows} == dict.fromkeys((*KINDS, *TALKING), 0)
    assert min(row.sent for row in report.rows) >= 100
    assert min(report.inert.values()) > 0
