"""The shapes of the contract as they were last told of. Run it to keep what is new, under the newest edition."""

import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).parent
SHAPES = HERE / "contract_shapes.json"
CHANGES = HERE.parents[1] / "docs" / "contract-changes.md"
HEADING = re.compile(r"^## (\d+) · ", re.MULTILINE)


def plain(told: Any) -> Any:
    """As JSON brings it back."""
    return orjson.loads(orjson.dumps(told))


def kept() -> dict[str, Any]:
    """`{procedures: {path: {edition, shape}}, components}`; the shape of one that is gone is null."""
    return orjson.loads(SHAPES.read_bytes()) if SHAPES.exists() else {"procedures": {}, "components": {}}


def editions_told() -> dict[int, str]:
    """What the changelog says of each edition."""
    _, *parts = HEADING.split(CHANGES.read_text())
    return dict(zip(map(int, parts[::2]), parts[1::2], strict=True))


def keep(now: dict[str, Any], *, today: date) -> list[str]:
    """Write the shapes of today; what that would break is returned, and nothing written."""
    from factory.trpc.versions import breaks, expanded

    old, edition = kept(), max(editions_told())
    alive = {path: told["shape"] for path, told in old["procedures"].items() if told["shape"]}
    broken = breaks({"procedures": alive, "components": old["components"]}, now, today=today)
    if broken:
        return broken
    told = {}
    for path in sorted({*old["procedures"], *now["procedures"]}):
        before, after = old["procedures"].get(path), now["procedures"].get(path)
        known = before and expanded(before["shape"], old["components"])
        if before and known == (after and expanded(after, now["components"])):
            told[path] = {**before, "shape": after}
        else:
            told[path] = {"edition": edition, "shape": after}
    SHAPES.write_text(_lines({"procedures": told, "components": now["components"]}))
    return []


def _lines(parts: dict[str, dict[str, Any]]) -> str:
    """A line each, so that a change is seen where it was made."""
    written = []
    for part, members in parts.items():
        lines = [f'  "{name}": {orjson.dumps(value).decode()}' for name, value in sorted(members.items())]
        written.append(f'"{part}": {{\n' + ",\n".join(lines) + "\n}")
    return "{" + ",\n".join(written) + "}\n"


def main() -> int:
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from factory.trpc.versions import contract_of
    from factory.urls import registry

    broken = keep(plain(contract_of(registry)), today=date.today())
    for what in broken:
        sys.stderr.write(f"{what}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
