"""`python -m tests.licences`: write the licences of what we run on into docs/dependencies.md, as metadata has them."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "dependencies.md"
BEGIN, END = "<!-- made by python -m tests.licences -->\n", "<!-- end -->"
LISTS = ("requirements.txt", "requirements-mysql.txt")
# What their metadata says in other words than SPDX has, or does not say.
IN_SPDX = {
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD",
    "BSD 3-Clause OR Apache-2.0": "BSD-3-Clause OR Apache-2.0",
    "MIT License": "MIT",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "New BSD": "BSD-3-Clause",
}


def packages(*lists: str) -> list[str]:
    """The names pinned in these files of requirements."""
    text = "".join((ROOT / name).read_text() for name in lists or LISTS)
    return sorted(set(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", text, re.MULTILINE)))


def licence_of(package: str) -> str | None:
    """As its metadata says; None where it is not installed here (MariaDB's driver needs a compiler)."""
    try:
        about = metadata(package)
    except PackageNotFoundError:
        return None
    if about.get("License-Expression"):
        return about["License-Expression"]
    words = (about.get("License") or "").strip()
    if words and len(words) < 60 and not words.startswith(("Copyright", "Dual", "BSD license")):
        return IN_SPDX.get(words, words)
    kinds = [
        each.split(" :: ")[-1] for each in about.get_all("Classifier") or [] if each.startswith("License ::")
    ]
    return " OR ".join(IN_SPDX.get(kind, kind) for kind in kinds) or "unknown"


def table() -> str:
    """By licence, so that an odd one stands out."""
    found: dict[str, list[str]] = {}
    for package in packages(LISTS[0]):
        found.setdefault(licence_of(package) or "not installed", []).append(package)
    rows = "".join(f"| {licence} | {', '.join(names)} |\n" for licence, names in sorted(found.items()))
    return f"| Licence | Packages |\n| --- | --- |\n{rows}"


def main() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
