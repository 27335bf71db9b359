"""What the server reads from the environment is what the papers say."""

import re

from django.conf import settings

from analytics.reports.document import FLAG_WORDS
from factory.demo.kinds import ALL
from factory.settings import env
from tests.plant import setting_names

ROW = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


def test_the_table_of_settings_names_every_setting_once():
    rows = ROW.findall((settings.BASE_DIR / "docs/settings.md").read_text())

    assert sorted(rows) == sorted(env.names)


def test_the_example_names_every_setting():
    assert setting_names() == env.names


def test_the_example_sets_nothing():
    lines = (settings.BASE_DIR / ".env.example").read_text().splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == []


def test_the_table_of_the_demos_machines_is_what_they_are():
    row = re.compile(r"^\| (.+) \| (\d+) s \| `([a-z]+)` is above (\d+) \|$", re.MULTILINE)
    rows = row.findall((settings.BASE_DIR / "docs/demo.md").read_text())

    makers = [(kind.name, kind.makes) for kind in ALL if kind.makes is not None]
    assert rows == [(name, f"{m.cycle_seconds:g}", m.metric, f"{m.above:g}") for name, m in makers]


def test_the_table_of_flags_names_every_flag_once():
    text = (settings.BASE_DIR / "docs/oee.md").read_text()
    table = text.partition("## Flags")[2].partition("##")[0]

    assert re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE) == sorted(FLAG_WORDS)
