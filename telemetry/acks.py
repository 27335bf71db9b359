"""What a device is told of its readings once they are stored: `factory/<d>/readings/ack`."""

from collections.abc import Sequence
from typing import Any

import orjson

from factory.errors import DomainError
from telemetry.batch import STORED, Outcome, Sample
from telemetry.door import Delivery

REF_LENGTH = 64


class Ack:
    """One answer while it is being added up."""

    __slots__ = ("accepted", "duplicates", "newest", "ref", "rejected")

    def __init__(self, ref: Any = None) -> None:
        self.ref = ref
        self.accepted = self.duplicates = 0
        self.newest: int | None = None
        self.rejected: list[dict[str, Any]] = []

    def add(self, timestamp: int, outcome: Outcome) -> None:
        if outcome is Outcome.ACCEPTED:
            self.accepted += 1
        else:
            self.duplicates += 1
        if self.newest is None or timestamp > self.newest:
            self.newest = timestamp

    def reject(self, index: int, reason: str) -> None:
        self.rejected.append({"index": index, "reason": reason})

    def payload(self) -> bytes:
        if self.ref is None and not self.rejected and self.newest is not None:
            return b'{"accepted":%d,"duplicates":%d,"rejected":[],"newest":%d}' % (
                self.accepted,
                self.duplicates,
                self.newest,
            )
        answer: dict[str, Any] = {} if self.ref is None else {"ref": self.ref}
        answer["accepted"], answer["duplicates"] = self.accepted, self.duplicates
        answer["rejected"] = sorted(self.rejected, key=lambda item: item["index"])
        answer["newest"] = self.newest
        return orjson.dumps(answer)


def refs_of(body: Any) -> list[Any] | Any:
    """What a message wants to be called: one name, or for a list of readings one for each."""
    if isinstance(body, list):
        refs = [item.get("ref") if isinstance(item, dict) else None for item in body]
        return refs if any(ref is not None for ref in refs) else None
    return body.get("ref") if isinstance(body, dict) else None


def is_ref(ref: Any) -> bool:
    kind = type(ref)
    return ref is None or (kind is str and len(ref) <= REF_LENGTH) or (kind is int and abs(ref) < 2**63)


def acks_for(delivery: Delivery, refs: Any, outcomes: Sequence[Outcome]) -> list[Ack]:
    """The answers to one message: one for each `ref` in it."""
    acks: dict[Any, Ack] = {}

    def ack_at(place: int) -> Ack:
        ref = refs[place] if isinstance(refs, list) else refs
        if ref not in acks:
            acks[ref] = Ack(ref)
        return acks[ref]

    for place, sample, outcome in zip(delivery.places, delivery.samples, outcomes, strict=True):
        if outcome in STORED:
            ack_at(place).add(sample.timestamp, outcome)
        else:
            ack_at(place).reject(place, outcome.value)
    for rejection in delivery.rejected:
        ack_at(rejection["index"]).reject(rejection["index"], rejection["reason"])
    return list(acks.values())


def refusal_of(body: Any, refs: Any, refusal: DomainError) -> list[Ack]:
    """The answers to a message of which nothing can be stored: why, for each reading in it."""
    items = body if isinstance(body, list) else body.get("readings") if isinstance(body, dict) else None
    count = len(items) if isinstance(items, list) and items else 1
    reasons = {
        int(index): told[0]
        for field, told in refusal.fields.items()
        if (index := field.removeprefix("readings.")).isdecimal()
    }
    empty = Delivery(rejected=[{"index": i, "reason": reasons.get(i, refusal.message)} for i in range(count)])
    if isinstance(refs, list) and len(refs) != count:
        refs = None
    return acks_for(empty, refs, [])


def newest_of(samples: Sequence[Sample]) -> int:
    return samples[0].timestamp if len(samples) == 1 else max(sample.timestamp for sample in samples)
