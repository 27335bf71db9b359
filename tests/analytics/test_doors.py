import pytest

from alerts.models import Alert
from tests.builders import NOON, make_device, make_threshold, make_user, sign_in, store

pytestmark = pytest.mark.django_db
SITE = "http://testserver"


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("/alerts/?status=active#a", "/alerts/?status=active#a"),
        (f"{SITE}/alerts/?status=active", "/alerts/?status=active"),
        (SITE, "/"),
        (f"{SITE}?zone=A", "/?zone=A"),
        (f"{SITE}//evil.example/", "/"),
        (f"{SITE}/\\evil.example/", "/"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("http://[", "/"),
        ("", "/"),
    ],
)
def test_a_plain_form_leads_back_within_this_site_only(client, wanted, there):
    sign_in(client, make_user(role="operator"))
    device = make_device()
    make_threshold(device)
    store(device, (NOON, 95))

    response = client.post(f"/alerts/{Alert.objects.get().pk}/acknowledge", {"next": wanted})

    assert (response.status_code, response["Location"]) == (302, there)


@pytest.mark.parametrize(
    ("here", "there"), [(SITE, "/"), (f"{SITE}/alerts/", "/alerts/"), (f"{SITE}//evil.example/", "/")]
)
def test_a_partial_asked_for_by_a_stranger_sends_the_page_to_sign_in(client, here, there):
    response = client.get("/", headers={"HX-Request": "true", "HX-Current-URL": here})

    assert (response.status_code, response["HX-Redirect"]) == (401, f"/sign-in?next={there}")
