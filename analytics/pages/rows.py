"""Forms with rows that people add and take away. Each button sends the whole form, so that it works without scripts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django import forms

from analytics.selection import read_number
from factory.errors import DomainError


@dataclass(frozen=True)
class Problem:
    """What stands in the summary above a form: where it leads to, and what is wrong there."""

    field_id: str
    words: str


def rows_sent(data: Mapping[str, str], name: str, *, most: int) -> int:
    """How many rows of a kind a form was sent with."""
    return min(read_number(data.get(name, "")) or 0, most)


def step_asked(do: str) -> tuple[str, list[int]]:
    """What a button of the form does, and to which row: `remove-break-1-0` is (`remove-break`, [1, 0])."""
    words = do.split("-")
    numbers = [number for word in words if (number := read_number(word)) is not None]
    return "-".join(words[: len(words) - len(numbers)]), numbers


def are_valid(parts: Iterable[forms.BaseForm]) -> bool:
    """Whether all parts are; each is looked at, so that each says what is wrong in it."""
    return not sum(not part.is_valid() for part in parts)


def problems_of(parts: Iterable[tuple[str, forms.BaseForm]]) -> Iterator[Problem]:
    """What is wrong in a form of several parts, each with what it is called."""
    for called, part in parts:
        for name, reasons in part.errors.items():
            bound = part[name] if name in part.fields else None
            label = ", ".join(filter(None, [called, str(bound.label) if bound else ""]))
            for reason in reasons:
                words = f"{label}: {reason}" if label else str(reason)
                yield Problem((bound.id_for_label or bound.auto_id) if bound else "", words)


def refuse(form: forms.BaseForm, field: str | None, reasons: Iterable[str]) -> None:
    """Show a service's reasons at a field, as sentences."""
    form.add_error(field, [reason[:1].upper() + reason[1:] for reason in reasons])


def refuse_all(form: forms.BaseForm, refusal: DomainError) -> None:
    """Show a refusal that speaks of no field."""
    refuse(form, None, [refusal.message])
