"""Which devices stand in the demo plant.

Pure: the same seed gives the same plant, and a larger plant contains the smaller one.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from factory.demo.kinds import BY_KEY, Kind

# A block of the plant; larger plants repeat it with more halls. The first few are already a varied plant.
BLOCK = (
    "press", "compressor", "furnace", "conveyor", "mill", "climate", "press", "pump",
    "packer", "robot", "press", "meter", "conveyor", "mill", "gateway", "furnace",
    "compressor", "press", "packer", "climate", "robot", "chiller", "conveyor", "pump",
)  # fmt: skip
HALLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LINES = {
    "press": "Press line",
    "mill": "Press line",
    "robot": "Press line",
    "conveyor": "Packing line",
    "packer": "Packing line",
}
STATION = "packer"  # the first one of a packing line speaks for it


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """One device as it will be registered, with the thresholds that watch it."""

    external_id: str
    name: str
    kind: Kind
    block: int  # of the plant, from 0 on
    zone: str
    location: str
    firmware_version: str
    tags: list[str]
    metadata: dict[str, Any]

    @property
    def thresholds(self) -> list[dict[str, Any]]:
        return [{"metric": metric, **asdict(limits)} for metric, limits in self.kind.limits.items()]

    @property
    def line(self) -> str:
        """The production line that it is part of; empty for what serves all of them."""
        name = LINES.get(self.kind.key)
        return f"{name} {self.block + 1}" if name else ""

    @property
    def takes_power(self) -> bool:
        return any(signal.metric == "power" for signal in self.kind.signals)

    @property
    def is_meter(self) -> bool:
        """It measures the energy of all that stands in its block."""
        return self.kind.key == "meter"


def planned_devices(*, count: int, seed: int) -> Iterator[PlannedDevice]:
    """The first `count` devices of the plant with this seed."""
    numbers: Counter[str] = Counter()
    for place in range(count):
        block, inside = divmod(place, len(BLOCK))
        kind = BY_KEY[BLOCK[inside]]
        numbers[kind.key] += 1
        yield _device(kind, numbers[kind.key], block, seed)


def _device(kind: Kind, number: int, block: int, seed: int) -> PlannedDevice:
    external_id = f"{kind.key}-{number}"
    rng = random.Random(f"{seed} {external_id}")
    zone = kind.zone
    if zone == "Hall":
        zone = f"Hall {HALLS[(2 * block + (number - 1) % 2) % len(HALLS)]}"
    # Most devices run the newest firmware; some have been forgotten.
    firmware = kind.firmware[min(int(rng.expovariate(1.6)), len(kind.firmware) - 1)]
    line = f"line-{rng.randint(1, 3)}"
    return PlannedDevice(
        external_id=external_id,
        name=f"{kind.name} {number}",
        kind=kind,
        block=block,
        zone=zone,
        location=f"Bay {rng.randint(1, 12)}",
        firmware_version=firmware,
        tags=[*kind.tags, line] if kind.zone != "Utilities" else [*kind.tags],
        metadata={
            "simulated": kind.key,
            "manufacturer": rng.choice(kind.makers),
            "installed": rng.randint(2009, 2024),
            "serial": f"{kind.key[:2].upper()}{rng.randrange(10**7):07d}",
        },
    )
