"""The procedures every tRPC client can be tried against."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from factory.tracked import Tracked
from factory.trpc.errors import CODES, TRPCError
from factory.trpc.permissions import ANYONE
from factory.trpc.router import VOID, Registry, Router
from factory.trpc.serializers import StrictInteger, StrictString, WireSerializer

LONGEST_SLEEP = 10_000
root, post = Router(""), Router("post")


class Anything:
    """Takes every input as it comes, absent ones too."""

    def parse(self, raw: Any) -> dict[str, Any]:
        return {"value": raw}


class PostId(WireSerializer):
    id = StrictInteger()


class NewPost(WireSerializer):
    title = StrictString(allow_blank=True, trim_whitespace=False)


class DatedPost(WireSerializer):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class Post(WireSerializer):
    id = serializers.IntegerField()
    title = serializers.CharField()


class Counting(WireSerializer):
    to = StrictInteger(min_value=0, max_value=1000)
    last_event_id = StrictString(required=False)


class Ticking(WireSerializer):
    last_event_id = StrictString(required=False)


class Counted(WireSerializer):
    n = serializers.IntegerField()


class Numbered(WireSerializer):
    i = serializers.IntegerField()


@root.query(
    "hello", permission=ANYONE, input=StrictString(required=False, allow_blank=True, trim_whitespace=False)
)
def hello(call, *, value="world"):
    """Greet somebody, or the world."""
    return f"hello {value}"


@root.query("noInput", permission=ANYONE)
def no_input(call):
    """Never look at the input."""
    return "ok"


@root.query("nul", permission=ANYONE)
def nul(call):
    """Return null."""
    return


@root.query("echo", permission=ANYONE, input=Anything())
@root.mutation("echoMut", permission=ANYONE, input=Anything())
def echo(call, *, value):
    """Return the input."""
    return value


@root.query("fail", permission=ANYONE, input=serializers.ChoiceField(sorted(CODES)))
def fail(call, *, value):
    """Refuse with the error code that was asked for."""
    raise TRPCError(value, f"failed with {value}")


@root.query("boom", permission=ANYONE)
def boom(call):
    """Break in a way nobody foresaw."""
    raise RuntimeError("a secret of the house")


@root.query("whoami", permission=ANYONE)
def whoami(call):
    """Repeat the credentials that came with the request."""
    sent = {"cookie": call.http.headers.get("cookie"), "auth": call.http.headers.get("authorization")}
    return {"headers": {name: value for name, value in sent.items() if value}}


@root.query("slow", permission=ANYONE, input=StrictInteger(min_value=0, max_value=LONGEST_SLEEP))
def slow(call, *, value):
    """Sleep for so many milliseconds."""
    time.sleep(value / 1000)
    return f"slept {value}"


@root.mutation("ping", permission=ANYONE)
def ping(call):
    """Say pong."""
    return "pong"


@root.mutation("voidMut", permission=ANYONE)
def void_mut(call):
    """Return nothing at all."""
    return VOID


@post.query("byId", permission=ANYONE, input=PostId, output=DatedPost)
def by_id(call, *, id):
    """One post and when it was written."""
    return {"id": id, "created_at": datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)}


@post.mutation("add", permission=ANYONE, input=NewPost, output=Post)
def add(call, *, title):
    """Write a post."""
    return {"id": 1, "title": title}


@root.subscription(
    "plainSub", permission=ANYONE, input=StrictInteger(required=False, min_value=0), output=Numbered
)
async def plain_sub(call, *, value=2):
    """So many events without ids, 20 ms apart."""
    for i in range(value):
        await asyncio.sleep(0.02)
        yield {"i": i}


@root.subscription("count", permission=ANYONE, input=Counting, output=Counted)
async def count(call, *, to, last_event_id="0"):
    """Count up to a number, going on after the last one that was heard."""
    for n in range(int(last_event_id) + 1, to + 1):
        yield Tracked(str(n), {"n": n})


@root.subscription("dated", permission=ANYONE, output=DatedPost)
async def dated(call):
    """One tracked event with a date in it."""
    yield Tracked("a", {"id": 1, "created_at": datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)})


@root.subscription("failSub", permission=ANYONE)
async def fail_sub(call):
    """Say one thing, then refuse."""
    yield "one"
    raise TRPCError("FORBIDDEN", "no more")


@root.subscription("ticks", permission=ANYONE, input=Ticking, output=Counted)
async def ticks(call, *, last_event_id="0"):
    """Count on after the last number that was heard, 50 ms apart, until nobody listens."""
    n = int(last_event_id)
    while True:
        n += 1
        yield Tracked(str(n), {"n": n})
        await asyncio.sleep(0.05)


open_streams = {"forever": 0, "flood": 0}


@root.subscription("forever", permission=ANYONE)
async def forever(call):
    """Count until nobody listens."""
    open_streams["forever"] += 1
    try:
        i = 0
        while True:
            yield i
            i += 1
            await asyncio.sleep(0.06)
    finally:
        open_streams["forever"] -= 1


@root.subscription("flood", permission=ANYONE)
async def flood(call):
    """Say a lot, for as long as somebody takes it."""
    open_streams["flood"] += 1
    try:
        while True:
            yield "x" * 1_000_000
    finally:
        open_streams["flood"] -= 1


@root.subscription("quiet", permission=ANYONE)
async def quiet(call):
    """Say nothing, for a long time."""
    await asyncio.sleep(LONGEST_SLEEP)
    yield None


@root.subscription("breaks", permission=ANYONE)
async def breaks(call):
    """Break in a way nobody foresaw."""
    yield 1
    raise RuntimeError("a secret of the house")


@root.query("openStreams", permission=ANYONE)
def how_many_are_open(call):
    """How many listen to `forever` and `flood`."""
    return sum(open_streams.values())


registry = Registry([root, post])
