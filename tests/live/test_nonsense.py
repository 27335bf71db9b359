"""Whatever a client sends, it is told what is wrong with it, and the socket stays."""

import pytest

from factory.limits.rates import Rate
from tests.live.sockets import STRANGER, a_device, a_token, a_viewer, connected

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "credentials",
    [
        {"bearer": "fdt_\0\u00ff"},
        {"bearer": "fdt_" + "x" * 100_000},
        {"bearer": "\0.\u00ff.\0"},
        {"bearer": "." * 100_000},
        {"bearer": "e30.e30.e30"},
        {"cookie": "\u00ff.\0.", "origin": "http://testserver"},
        {"cookie": "x; \u00ff=\0; []={}", "origin": "http://testserver"},
    ],
)
async def test_strange_credentials_are_a_strangers(credentials):
    async with connected(**credentials) as socket:
        assert await socket.closed_with() == STRANGER


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not json", 'Send JSON objects with a "type".'),
        ("[]", 'Send JSON objects with a "type".'),
        ("{}", 'Send JSON objects with a "type".'),
        ('{"type": "dance"}', "Unknown message type 'dance'."),
        ('"type"', 'Send JSON objects with a "type".'),
        ('{"type": 5}', 'Send JSON objects with a "type".'),
        ('{"type": ["x"]}', 'Send JSON objects with a "type".'),
        ('{"type": {"ping": {}}}', 'Send JSON objects with a "type".'),
        ("[" * 100_000, 'Send JSON objects with a "type".'),
        ('{"type": ' + "[" * 1000 + "]" * 1000 + "}", 'Send JSON objects with a "type".'),
        ('{"type": "\\u0000"}', "Unknown message type '\\x00'."),
        ('{"type": "' + "x" * 1_000_000 + '"}', f"Unknown message type '{'x' * 40}'."),
        ('{"type": "subscribe"}', "channels: must be a list of names"),
        ('{"type": "subscribe", "channels": [1]}', "channels: must be a list of names"),
        ('{"type": "subscribe", "channels": 5}', "channels: must be a list of names"),
        ('{"type": "subscribe", "channels": {"alerts": 1}}', "channels: must be a list of names"),
        ('{"type": "unsubscribe", "channels": [["alerts"]]}', "channels: must be a list of names"),
        ('{"type": "subscribe", "channels": ["alerts\\u0000"]}', "Unknown or forbidden: alerts\0"),
        (
            '{"type": "subscribe", "channels": ["device:\\u0000:alert"]}',
            "Unknown or forbidden: device:\0:alert",
        ),
        (
            '{"type": "subscribe", "channels": ["' + "x" * 1_000_000 + '"]}',
            f"Unknown or forbidden: {'x' * 80}",
        ),
        (
            '{"type": "subscribe", "channels": [' + ",".join(['"alerts"'] * 201) + "]}",
            "channels: at most 200 at a time",
        ),
    ],
)
async def test_what_cannot_be_understood_is_said_and_the_socket_stays(text, told):
    async with await a_viewer() as socket:
        await socket.send_to(text_data=text)
        assert await socket.next() == ("error", {"error": told})
        await socket.send_json_to({"type": "ping"})
        assert await socket.next() == ("pong", {})


async def test_bytes_that_are_no_text_are_refused_and_the_socket_stays():
    async with await a_viewer() as socket:
        for noise in (b"\xff\xfe", b"", b"\0"):
            await socket.send_input({"type": "websocket.receive", "bytes": noise})
            assert await socket.next() == ("error", {"error": 'Send JSON objects with a "type".'})
        await socket.send_to(bytes_data=b'{"type": "ping"}')
        assert await socket.next() == ("pong", {})


async def test_a_deep_or_strange_reading_is_refused_and_the_socket_stays():
    async with connected(bearer=await a_token(await a_device())) as socket:
        for body in ("[" * 900 + "]" * 900, "5", "null", '{"\\u0000": 5}', '{"power": "\\u0000"}'):
            await socket.send_to(text_data='{"type": "reading", "data": %s}' % body)  # noqa: UP031
            assert (await socket.next())[0] in {"error", "reading_ack"}
        await socket.send_json_to({"type": "ping"})
        assert await socket.next() == ("pong", {})


async def test_too_many_messages_close_the_socket(settings):
    settings.RATE_SOCKET = Rate(3)

    async with await a_viewer() as socket:
        for _ in range(4):
            await socket.send_json_to({"type": "ping"})
        kinds = [(await socket.next())[0] for _ in range(4)]
        assert kinds == ["pong", "pong", "pong", "error"]
        assert await socket.closed_with() == 4429
