"""docs/contract.md and the registry say the same, both ways."""

import re
from pathlib import Path

from factory.asgi import channels
from factory.urls import registry

CONTRACT = (Path(__file__).resolve().parents[2] / "docs" / "contract.md").read_text()


def test_every_procedure_stands_in_the_contract_with_its_kind_and_its_role_and_no_other_does():
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (\w+) \| ([^|]+) \|", CONTRACT, flags=re.MULTILINE)

    assert sorted(rows) == sorted((p.path, p.kind, p.permission.name) for p in registry)


def test_every_channel_stands_in_the_contract():
    table = CONTRACT.partition("| Channel | Messages |")[2]
    told = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    }

    assert told == {channel.name for _, channel in channels._channels}
