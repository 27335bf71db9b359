"""The answer httpBatchStreamLink reads: here one complete line, written when every call is done.

The line is keyed by the calls' positions, each holding `[[envelope]]`. For superjson it is the line that
is serialised, as a whole, and not what stands inside it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from factory.trpc import superjson, wire
from factory.trpc.superjson import UNDEFINED, Annotations

MEDIA_TYPE = "application/jsonl"


class Line:
    """Collects envelopes as they are made, so that one that cannot be written does not spoil the others."""

    def __init__(self, dialect: wire.Dialect) -> None:
        self.is_superjson = dialect is wire.Dialect.SUPERJSON
        self.annotations: Annotations = {}

    def result(self, value: Any, index: int) -> bytes:
        if value is UNDEFINED:
            return wire.dumps({"result": {}})
        if not self.is_superjson:
            return wire.dumps({"result": {"data": value}})
        found: Annotations = {}
        flat = superjson.flatten(value, found, (str(index), "0", "0", "result", "data"))
        envelope = wire.dumps({"result": {"data": flat}})
        self.annotations.update(found)
        return envelope

    def failure(self, shape: Mapping[str, Any], index: int) -> bytes:
        return wire.dumps({"error": shape})

    def join(self, envelopes: Sequence[bytes]) -> bytes:
        line = b"{%s}" % b",".join(b'"%d":[[%s]]' % numbered for numbered in enumerate(envelopes))
        if self.is_superjson:
            meta = b',"meta":' + wire.dumps(superjson.meta_for(self.annotations)) if self.annotations else b""
            line = b'{"json":%s%s}' % (line, meta)
        return line + b"\n"


def join_for_v10(envelopes: Sequence[bytes]) -> bytes:
    """What version 10's `unstable_httpBatchStreamLink` reads: an object whose lines are broken just here.

    It decodes piece by piece, and would break a character that two pieces share: there are only ASCII ones.
    """
    plain = [each if each.isascii() else json.dumps(json.loads(each)).encode() for each in envelopes]
    return b"{%s}" % b",".join(b'"%d":%b\n' % numbered for numbered in enumerate(plain))
