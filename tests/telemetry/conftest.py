"""Fixtures of the tests of rollups, and of the archive: real storages, and partitions as they were."""

import importlib

import pytest
from django.db import connection

from telemetry import partitions
from telemetry.models import Reading
from telemetry.rules import rules as rules_in_force
from telemetry.services.metrics import declare_metric
from tests import services
from tests.builders import make_device
from tests.telemetry.archiving import use_storage
from tests.telemetry.rolling import RULES


@pytest.fixture
def layout_kept():
    """DDL is not rolled back: afterwards the readings lie in partitions as a fresh plant's do."""
    yield
    if connection.vendor != "mysql":
        return
    for day in partitions.days_aside():
        partitions.drop_aside(day)
    Reading.objects.all().delete()
    migration = importlib.import_module("telemetry.migrations.0003_daily_partitions")
    with connection.schema_editor() as editor:
        migration.partition(None, editor)


@pytest.fixture(scope="session")
def s3_server():
    with services.s3() as bucket:
        yield bucket


@pytest.fixture(params=["folder", "s3"])
def storage(request, settings, tmp_path):
    """Both kinds of storage, each really there."""
    folder = f"file://{tmp_path / 'storage'}"
    use_storage(settings, request.getfixturevalue("s3_server").url if request.param == "s3" else folder)
    return request.param


@pytest.fixture
def local_storage(settings, tmp_path):
    use_storage(settings, f"file://{tmp_path / 'storage'}")
    return tmp_path / "storage"


@pytest.fixture
def declared_rules():
    for rule in RULES.values():
        declare_metric(
            key=rule.key, kind=rule.kind, integration=rule.integration, max_gap_seconds=rule.max_gap_seconds
        )
    rules_in_force.forget()


@pytest.fixture
def two_devices():
    return [make_device(), make_device()]
