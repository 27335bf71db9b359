"""Fixtures for every test: each worker has its own Valkey, database and data folder."""

import pytest
from django.conf import settings
from django.core.cache import cache
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests import services

# How long an example takes says something of the machine, and nothing of the code.
hypothesis_settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("steady")


def pytest_addoption(parser):
    parser.addoption(
        "--database-only",
        action="store_true",
        help="leave out what asks no database: it was run beside another",
    )
    chaos = parser.getgroup("chaos")
    chaos.addoption("--chaos-seconds", type=float, default=40, help="how long processes are killed")
    chaos.addoption(
        "--chaos-seed", type=int, help="what is killed, and what devices say; random unless given"
    )
    chaos.addoption("--chaos-devices", type=int, default=8, help="half of them over HTTP, half over MQTT")
    chaos.addoption(
        "--upgrade-from", metavar="REF", help="the commit whose code a plant runs before an upgrade"
    )
    parser.getgroup("soak").addoption(
        "--soak-minutes", type=float, default=2, help="how long; 60 let a whole day pass"
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--database-only"):
        asks = [item for item in items if item.get_closest_marker("django_db") or "db" in item.fixturenames]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(asks)])
        items[:] = asks


@pytest.fixture(scope="session", autouse=True)
def _redis():
    """What REDIS_URL means: a private Valkey, unless the run chose a server."""
    if settings.REDIS_EMBEDDED:
        with services.valkey(settings.VALKEY_SOCKET):
            yield
    else:
        yield


@pytest.fixture
def _programs():
    """What a plant with services of its own is made of; skipped where one is not installed."""
    pytest.importorskip("MySQLdb")
    try:
        for names in (("mariadbd", "mysqld"), ("redis-server", "valkey-server"), ("mosquitto",)):
            services.program(*names)
    except services.NotInstalled as missing:
        pytest.skip(f"not installed: {missing}")


@pytest.fixture(autouse=True)
def _empty_cache(_redis):
    """No test sees what another one counted or remembered."""
    from factory.limiting import limits

    cache.clear()
    limits.leases.clear()


@pytest.fixture
def workers_at_work(_empty_cache):
    """What readiness asks for now and then is asked anew, and a worker has been heard."""
    from factory import health

    def ask_anew():
        for check in health.USEFUL.values():
            if isinstance(check, health.NowAndThen):
                check.ask_anew()

    health.note_heartbeat()
    ask_anew()
    yield
    ask_anew()


@pytest.fixture(autouse=True)
def _no_metric_rules():
    """As in a process that has just looked: none is declared, and no test pays for the look."""
    from telemetry.rules import rules

    rules.keep({})


@pytest.fixture(autouse=True)
def _nobody_seen_lately():
    """Numbers of devices come again in the next test; whom this process has heard does not."""
    from devices.seen_lately import seen_lately

    seen_lately.clear()


@pytest.fixture(autouse=True)
def _no_silence_rules():
    """As in a process that has just looked: every type is waited for equally long."""
    from devices.patience import rules

    rules.keep({})
