"""Pages go out compressed to whoever takes it; the API's answers do not."""

import gzip

import pytest

from tests.builders import make_user, sign_in

pytestmark = pytest.mark.django_db
ASKED = {"accept-encoding": "gzip"}


def test_a_page_is_packed_where_that_is_asked_for(client):
    sign_in(client, make_user())

    packed, plain = client.get("/", headers=ASKED), client.get("/")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert b"<html" in gzip.decompress(packed.content)
    assert len(packed.content) < len(plain.content) / 2
    assert "Content-Encoding" not in plain.headers


def test_the_api_is_not(client):
    assert "Content-Encoding" not in client.get("/api/openapi.json", headers=ASKED).headers
