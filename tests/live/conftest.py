import pytest

from devices.identity import known_tokens


@pytest.fixture(autouse=True)
def _no_remembered_tokens():
    known_tokens.clear()
