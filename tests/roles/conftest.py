import pytest


@pytest.fixture(autouse=True)
def _without_limits(settings):
    """Each of these tests asks for everything there is, which nobody may within a minute."""
    settings.RATE_USER = settings.RATE_DEVICE = settings.RATE_ADDRESS = settings.RATE_LOGIN = None
