"""What lies in `deploy/` for other programs speaks of what there is."""

import json
import re
import shutil
import subprocess

import pytest
from django.conf import settings

DEPLOY = settings.BASE_DIR / "deploy"
KNOWN = set(
    re.findall(r"^\| `(factory_\w+)`", (settings.BASE_DIR / "docs" / "metrics.md").read_text(), re.MULTILINE)
)


def named_in(text):
    names = set(re.findall(r"\bfactory_\w+", text))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def test_the_alert_rules_ask_for_metrics_that_there_are():
    assert named_in((DEPLOY / "prometheus" / "alerts.yml").read_text()) <= KNOWN


def test_the_dashboard_asks_for_metrics_that_there_are_and_shows_them_all():
    text = (DEPLOY / "grafana" / "factory.json").read_text()
    shown = named_in(text)

    assert shown <= KNOWN
    assert KNOWN - shown == {
        "factory_archive_days_waiting",
        "factory_deliveries_waiting",
        "factory_ingest_commit_readings",
        "factory_rollup_dirty_quarters",
    }  # nobody has to watch these; the rules do where it matters
    ids = [panel["id"] for panel in json.loads(text)["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_rules_and_configuration():
    done = subprocess.run(
        ["promtool", "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
