"""What every process holds, minute by minute, and whether it grows."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MB = 1024 * 1024
WARM_UP = 1 / 3  # of the samples, which do not count
# Growth of an hour after the warm-up that we call flat: 16 MB, or a tenth of what the process holds.
GROWTH_MB, GROWTH_SHARE = 16.0, 0.10
THREADS, FILES = 8, 32  # as far as the last third's highest may lie above the second third's


@dataclass(frozen=True)
class Held:
    """Of all processes of one unit together."""

    mb: float
    threads: int
    files: int


@dataclass
class Samples:
    """(seconds since the start, {unit: held}), in order."""

    rows: list[tuple[float, dict[str, Held]]] = field(default_factory=list)

    def of(self, unit: str) -> tuple[list[float], list[Held]]:
        """What counts for the verdict."""
        counted = self.rows[int(len(self.rows) * WARM_UP) :]
        pairs = [(at, held[unit]) for at, held in counted if unit in held]
        return [at for at, _ in pairs], [held for _, held in pairs]


def held_by_group(group: int) -> Held:
    """Everything in a process group: a unit's master and its workers."""
    mb, threads, files = 0.0, 0, 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                mb += int(fields[21]) * 4096 / MB
                threads += int(fields[17])
                files += len(list((stat.parent / "fd").iterdir()))
    return Held(mb, threads, files)


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Of the straight line that lies closest, in values per second."""
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((at - middle) ** 2 for at in times)
    if not spread:
        return 0.0
    pairs = zip(times, values, strict=True)
    return sum((at - middle) * (value - mean) for at, value in pairs) / spread


def growth_per_hour(samples: Samples, unit: str) -> float:
    times, held = samples.of(unit)
    return slope(times, [each.mb for each in held]) * 3600


def problems(samples: Samples, units: Sequence[str]) -> list[str]:
    """Which unit grows, in words."""
    found = []
    for unit in units:
        times, held = samples.of(unit)
        if len(held) < 3:
            found.append(f"{unit}: only {len(held)} samples")
            continue
        mean = sum(each.mb for each in held) / len(held)
        grown = slope(times, [each.mb for each in held]) * (times[-1] - times[0])
        bound = max(GROWTH_MB, GROWTH_SHARE * mean)
        if grown > bound:
            found.append(f"{unit}: grew by {grown:.0f} MB after the warm-up; at most {bound:.0f} are flat")
        early, late = held[: len(held) // 2], held[len(held) // 2 :]
        for what, slack in (("threads", THREADS), ("files", FILES)):
            before, after = (max(getattr(each, what) for each in part) for part in (early, late))
            if after > before + slack:
                found.append(f"{unit}: {what} went from {before} to {after}")
    return found


def table(samples: Samples, units: Sequence[str], names: Mapping[str, str] | None = None) -> str:
    """Markdown: each unit at the end of the warm-up, in the middle, at the end, and its slope."""
    lines = [
        "| Process | MB after the warm-up | in the middle | at the end | highest | MB an hour | threads | files |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for unit in units:
        _, held = samples.of(unit)
        if not held:
            continue
        first, middle, last = held[0], held[len(held) // 2], held[-1]
        highest = max(each.mb for each in held)
        lines.append(
            f"| {(names or {}).get(unit, unit)} | {first.mb:.0f} | {middle.mb:.0f} | {last.mb:.0f} | {highest:.0f}"
            f" | {growth_per_hour(samples, unit):+.1f} | {last.threads} | {last.files} |"
        )
    return "\n".join(lines)
