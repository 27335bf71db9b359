"""docs/contract.md and the registry say the same, both ways."""

import re
from pathlib import Path

from factory.asgi import channels
from factory.urls import registry

DOCS = Path(__file__).resolve().parents[2] / "docs"
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


def test_the_proxy_sends_all_subscriptions_to_the_live_process_and_nothing_else():
    proxy = (DOCS.parent / "deploy/nginx/factory.conf").read_text()
    pattern = re.search(r"location ~ (\S+) \{\n\s+proxy_pass http://factory_live;", proxy)[1]
    live = {
        f"/api/{version}trpc/{p.path}"
        for p in registry
        if p.kind == "subscription"
        for version in ("", "v1/")
    }
    others = {f"/api/trpc/{p.path}" for p in registry if p.kind != "subscription"}

    assert {path for path in live | others if re.search(pattern, path)} == live
    assert [
        path for path in ("/ws", "/ws-trpc", "/wsx", "/", "/static/x.onY") if re.search(pattern, path)
    ] == [
        "/ws",
        "/ws-trpc",
    ]


def test_every_subscription_is_explained():
    told = re.findall(r"^\| `(\w+\.\w+)` \|", (DOCS / "subscriptions.md").read_text(), flags=re.MULTILINE)

    assert sorted(told) == sorted(p.path for p in registry if p.kind == "subscription")
