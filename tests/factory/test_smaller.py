"""What goes out compressed, and what does not."""

import gzip

import pytest
from django.conf import settings

from tests.builders import make_user

pytestmark = pytest.mark.django_db
CSS = "/static/factory/factory.css"
GZIP = {"accept-encoding": "gzip, br"}


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_a_page_is_compressed_for_who_understands_it(client):
    client.force_login(make_user())

    plain, small = client.get("/sign-in?next=/x"), client.get("/sign-in?next=/x", headers=GZIP)

    assert "Content-Encoding" not in plain
    assert small["Content-Encoding"] == "gzip"
    assert len(small.content) == int(small["Content-Length"]) < len(plain.content)
    assert gzip.decompress(small.content).lstrip().startswith(b"<!doctype html>")
    assert "Accept-Encoding" in plain["Vary"]


def test_a_style_is_compressed_once_and_the_same_for_everybody(client):
    plain = body(client.get(CSS))

    first, second = client.get(CSS, headers=GZIP), client.get(CSS, headers=GZIP)

    assert body(first) == (kept := body(second))
    assert gzip.decompress(kept) == plain
    assert len(kept) < len(plain) / 2


@pytest.mark.parametrize("headers", [{"range": "bytes=0-9"}, {"accept-encoding": "identity"}])
def test_a_part_of_a_file_and_what_was_not_asked_for_stay_as_they_are(client, headers):
    response = client.get(CSS, headers={"accept-encoding": "gzip", **headers})

    assert "Content-Encoding" not in response
    response.close()


def test_a_file_that_is_there_already_is_not_sent_again(client):
    first = client.get(CSS, headers=GZIP)
    body(first)

    assert client.get(CSS, headers={**GZIP, "if-none-match": first["ETag"]}).status_code == 304


def test_fonts_and_answers_of_procedures_stay_as_they_are(client):
    font = client.get("/static/factory/vendor/inter/inter-latin-wght-normal.woff2", headers=GZIP)
    answer = client.get("/api/trpc/system.health", headers=GZIP)

    assert "Content-Encoding" not in font
    assert "Content-Encoding" not in answer
    assert settings.MIDDLEWARE.index("factory.smaller.Smaller") < settings.MIDDLEWARE.index(
        "whitenoise.middleware.WhiteNoiseMiddleware"
    )
    font.close()
