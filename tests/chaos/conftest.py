import pytest

from tests import services


@pytest.fixture
def _programs():
    pytest.importorskip("MySQLdb")
    try:
        for names in (("mariadbd", "mysqld"), ("redis-server", "valkey-server"), ("mosquitto",)):
            services.program(*names)
    except services.NotInstalled as missing:
        pytest.skip(f"not installed: {missing}")
