import pytest

from tests.builders import make_user, sign_in


@pytest.fixture
def mira(client):
    """A viewer, signed in."""
    user = make_user(name="Mira")
    sign_in(client, user)
    return user


@pytest.fixture
def omar(client):
    """An operator, signed in."""
    user = make_user(role="operator", name="Omar")
    sign_in(client, user)
    return user


@pytest.fixture
def tess(client):
    """A technician, signed in."""
    user = make_user(role="technician", name="Tess")
    sign_in(client, user)
    return user


@pytest.fixture
def boss(client):
    """An admin, signed in."""
    user = make_user(role="admin", name="Boss")
    sign_in(client, user)
    return user
