import pytest
from django.utils import timezone

from analytics.services.following import follow_machines
from analytics.services.results import keep_results
from telemetry.services.rollups import roll_up_due
from tests.analytics.machining import midnight
from tests.analytics.standing import api_of, make_codes, make_press
from tests.builders import make_user, ms, sign_in


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


# For those who ask through the procedures


@pytest.fixture
def viewer():
    return api_of("user")


@pytest.fixture
def operator():
    return api_of("operator")


@pytest.fixture
def technician():
    return api_of("technician")


@pytest.fixture
def day():
    """A midnight UTC, some days ago, ms."""
    return midnight()


@pytest.fixture
def press(day):
    """A machine that stood twice on that day."""
    make_codes()
    return make_press(day)


@pytest.fixture(params=[False, True], ids=["at once", "after the workers"])
def come_by(request):
    def workers():
        roll_up_due()
        follow_machines(now=ms(timezone.now()))
        keep_results(now=ms(timezone.now()))

    return workers if request.param else lambda: None
