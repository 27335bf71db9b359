"""A procedure may answer with a file: sent as it is made, or refused before it begins."""

import pytest
from django.http import HttpRequest

from factory.trpc.download import Download
from factory.trpc.gateway import Gateway
from factory.trpc.permissions import ANYONE
from factory.trpc.router import Registry, Router
from tests.trpc.asking import get


class Chunks:
    """Counts what was asked of it."""

    def __init__(self):
        self.made, self.closed = 0, 0

    def __iter__(self):
        for piece in (b"a", b"b"):
            self.made += 1
            yield piece

    def close(self):
        self.closed += 1


@pytest.fixture
def chunks():
    return Chunks()


@pytest.fixture
def gateway(chunks):
    router = Router("")

    @router.query("file", permission=ANYONE, downloads=True)
    def file(call):
        """Answer with a file."""
        call.set_header("X-Note", "noted")
        return Download('odd "name".csv', "text/csv", chunks, {"X-More": "yes"})

    @router.query("broken", permission=ANYONE, downloads=True)
    def broken(call):
        """Fail before the first byte."""
        raise ValueError

    return Gateway(Registry([router]))


def ask(gateway, path):
    request = HttpRequest()
    request.method, request.META["REQUEST_METHOD"] = "GET", "GET"
    return gateway.view(request, path)


@pytest.mark.django_db  # the end of a request looks after the connection that another test may have left
def test_a_file_is_sent_piece_by_piece_and_closed(gateway, chunks):
    response = ask(gateway, "file")

    assert (response.status_code, response.streaming, chunks.made) == (200, True, 0)
    assert next(iter(response)) == b"a"
    assert chunks.made == 1
    response.close()
    assert chunks.closed == 1


def test_a_file_has_its_name_and_the_notes_of_its_call(gateway):
    headers = ask(gateway, "file").headers

    assert headers["Content-Disposition"] == 'attachment; filename="odd \\"name\\".csv"'
    assert (headers["Content-Type"], headers["X-More"], headers["X-Note"]) == ("text/csv", "yes", "noted")
    assert headers["Cache-Control"] == "no-store"
    assert "Content-Length" not in headers


def test_a_failure_before_the_first_byte_is_an_ordinary_refusal(gateway):
    answer = get("broken", gateway=gateway)

    assert (answer.status, answer.json["error"]["data"]["code"]) == (500, "INTERNAL_SERVER_ERROR")


@pytest.mark.parametrize("headers", [{}, {"trpc_accept": "application/jsonl"}])
def test_a_batch_is_told_that_it_has_no_place_for_a_file(gateway, chunks, headers):
    answer = get("file", {}, batch=True, gateway=gateway, **headers)

    assert "file answers with a file: ask for it by itself, not in a batch." in answer.text
    assert chunks.made == 0


@pytest.mark.parametrize("declared", ["mutation", "output"])
def test_only_a_query_without_another_answer_can_be_a_download(declared):
    from factory.trpc.router import Procedure
    from factory.trpc.serializers import WireSerializer

    kind = "mutation" if declared == "mutation" else "query"
    output = WireSerializer if declared == "output" else None
    with pytest.raises(TypeError, match="a download is a query"):
        Procedure("file", kind, lambda call: None, ANYONE, output=output, doc="A file.", downloads=True)
