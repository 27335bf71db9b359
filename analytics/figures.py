"""What the figures of the alarm system mean: each with its target and a plain word. Pure."""

from dataclasses import dataclass

MANAGEABLE, TOO_MANY = 150, 300  # alerts per operator and day
FLOOD_ABOVE = 10
STALE_AT_MOST = 5
WORST_SHARE = 0.05
ENOUGH = 200  # with fewer activations ten things make more than 5 % whatever they do
CRITICAL_BELOW, LOW_FROM = 0.05, 0.7


@dataclass(frozen=True, slots=True)
class Verdict:
    word: str
    is_well: bool = True


def of_rate(per_operator_day: float) -> Verdict:
    if per_operator_day <= MANAGEABLE:
        return Verdict("manageable")
    if per_operator_day <= TOO_MANY:
        return Verdict("more than is manageable", is_well=False)
    return Verdict("too many", is_well=False)


def of_busiest(count: int) -> Verdict:
    return Verdict("no flood") if count <= FLOOD_ABOVE else Verdict("a flood", is_well=False)


def of_flood(share: float) -> Verdict:
    return Verdict("never") if share == 0 else Verdict("too often", is_well=False)


def of_stale(count: int) -> Verdict:
    if count == 0:
        return Verdict("none")
    return Verdict("a few") if count < STALE_AT_MOST else Verdict("too many", is_well=False)


def of_chattering(count: int) -> Verdict:
    return Verdict("none") if count == 0 else Verdict("to be mended", is_well=False)


def of_worst(share: float, activations: int) -> Verdict:
    if activations < ENOUGH:
        return Verdict("too few alerts to say")
    return Verdict("spread") if share <= WORST_SHARE else Verdict("a few make most of it", is_well=False)


def of_severities(severities: dict[str, int]) -> Verdict:
    total = sum(severities.values())
    if total == 0:
        return Verdict("no alerts")
    if severities["critical"] / total >= CRITICAL_BELOW:
        return Verdict("too many critical", is_well=False)
    if severities["info"] / total < LOW_FROM:
        return Verdict("too few low ones", is_well=False)
    return Verdict("as it should be")
