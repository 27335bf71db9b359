"""What the tests in a browser share: waiting for the live line, and what axe finds."""

import json
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=15_000)  # on a busy machine; what is there is found at once
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()


def wait_for_line(page) -> None:
    playwright.expect(page.locator("[data-line]")).to_have_attribute("data-line", "live")


def findings(page) -> list[str]:
    """What axe finds that is serious or worse."""
    page.evaluate(AXE)
    result = page.evaluate(
        "axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })"
    )
    return [
        f"{v['id']}: {json.dumps([node['html'][:120] for node in v['nodes'][:3]])}"
        for v in result["violations"]
        if v["impact"] in ("serious", "critical")
    ]
