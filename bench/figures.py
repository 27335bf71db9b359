"""Figures with their spread, and the machine they come from."""

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

# Of what went over HTTP: processor time per reading, and how long a request waited.
COSTS = ("server us", "MariaDB us", "load us", "p50 ms", "p99 ms")


class Figure:
    """One line of the table: what was done how often per second, in several runs."""

    def __init__(self, name: str, measure: Callable[[], float], *, bare: "Figure | None" = None) -> None:
        self.name = name
        self.measure = measure
        self.bare = bare  # what it is compared with
        self.runs: list[float] = []
        self.costs: list[tuple[float, ...]] = []  # per run: see COSTS

    @property
    def middle(self) -> float:
        return median(self.runs)

    @property
    def ratio(self) -> float | None:
        return self.middle / self.bare.middle if self.bare else None

    def note(self, *costs: float) -> None:
        self.costs.append(costs)

    def line(self, width: int) -> str:
        ratio = f"{self.ratio:5.2f} x {self.bare.name}" if self.ratio is not None and self.bare else ""
        spread = f"{min(self.runs):,.0f}-{max(self.runs):,.0f}"
        costs = "".join(f"{median(cost):>11,.0f}" for cost in zip(*self.costs, strict=True))
        return f"{self.name:<{width}} {self.middle:>9,.0f}/s {spread:>17}{costs:<55} {ratio}".rstrip()


def run_interleaved(figures: Sequence[Figure], *, rounds: int, tell: Callable[[str], object]) -> None:
    """Each figure once per round, so that whatever else the machine does touches them all."""
    for number in range(1, rounds + 1):
        for figure in figures:
            tell(f"round {number} of {rounds}: {figure.name}")
            figure.runs.append(figure.measure())


def table(figures: Sequence[Figure]) -> str:
    width = max(len(figure.name) for figure in figures)
    heading = f"{'':<{width}} {'median':>11} {'least-most':>17}" + "".join(f"{cost:>11}" for cost in COSTS)
    return "\n".join([heading, *(figure.line(width) for figure in figures)])


def machine() -> str:
    """The machine in one line."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    busy = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}, Linux {platform.release()},"
        f" Python {platform.python_version()}; load before the run {busy:.1f}"
    )
