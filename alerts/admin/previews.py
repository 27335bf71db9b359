"""What many changes at once would do, shown before they are made; until then the page keeps it, signed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core import signing

from alerts.services.revisions import Step, packed, revise, unpacked
from alerts.threshold_csv import Refusal, refusals_at
from alerts.words import differences_in_words, metric_with_unit, values_in_words
from factory.accounts.models import User
from factory.errors import InvalidInput

SALT, SELECTION = "alerts.preview", "alerts.selection"
LIFETIME = 3600  # seconds
SHOWN = 1000  # of each kind in one page


class NotOurs(InvalidInput):
    """It was not signed here, for this person, within the hour."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Nothing of it may be written while there are refusals, unless they may be left out."""

    title: str
    steps: list[Step]
    refusals: list[Refusal]
    refused: int = 0  # rows; not all of their refusals are kept
    may_leave_out: bool = False

    @classmethod
    def of(cls, title: str, steps: Sequence[Step]) -> "Preview":
        """All of it or nothing: what cannot be meant stands in the way of the rest."""
        refusals = [refusal for step in steps for refusal in _refusals_of(step)]
        meant = [step for step in steps if not step.problems()]
        return cls(title, meant, refusals[:SHOWN], refused=len(steps) - len(meant))

    @classmethod
    def of_file(cls, title: str, steps: list[Step], refusals: Sequence[Refusal]) -> "Preview":
        refused = len({refusal.where for refusal in refusals})
        return cls(title, steps, list(refusals[:SHOWN]), refused=refused, may_leave_out=True)

    def anew(self) -> "Preview":
        """The same wishes, as things are now."""
        now = Preview.of(self.title, revise([(step.scope, step.metric, step.wanted) for step in self.steps]))
        refusals = [*self.refusals, *now.refusals][:SHOWN]
        return replace(self, steps=now.steps, refusals=refusals, refused=self.refused + now.refused)

    @property
    def new(self) -> list[Step]:
        return [step for step in self.steps if step.is_new]

    @property
    def changed(self) -> list[Step]:
        return [step for step in self.steps if not step.is_new and not step.is_same]

    @property
    def is_writable(self) -> bool:
        return bool(self.new or self.changed) and (not self.refused or self.may_leave_out)

    def context(self, *, by: User) -> dict[str, Any]:
        """What its page shows."""
        new, changed = self.new, self.changed
        sections = [
            ("New", len(new), [_row(step, values_in_words(step.after)) for step in new[:SHOWN]]),
            (
                "Changed",
                len(changed),
                [_row(step, differences_in_words(step.differences)) for step in changed[:SHOWN]],
            ),
        ]
        return {
            "preview": self,
            "sections": [section for section in sections if section[1]],
            "same": len(self.steps) - len(new) - len(changed),
            "revision": self.signed(by=by) if self.is_writable else "",
        }

    def signed(self, *, by: User) -> str:
        kept = {
            "by": by.pk,
            "title": self.title,
            "steps": packed(self.steps),
            "refusals": [[each.where, each.column, each.reason] for each in self.refusals],
            "refused": self.refused,
            "may_leave_out": self.may_leave_out,
        }
        return signing.dumps(kept, salt=SALT, compress=True)


def preview_of(token: str, *, by: User) -> Preview:
    """The preview that a page carried; refuses what is not ours, or not of this person, or too old."""
    kept = _opened(token, SALT, by)
    refusals = [Refusal(*each) for each in kept["refusals"]]
    steps = unpacked(kept["steps"])
    return Preview(kept["title"], steps, refusals, kept["refused"], kept["may_leave_out"])


def signed_selection(ids: Iterable[int], *, by: User) -> str:
    """Which thresholds somebody has ticked: a form may have fewer fields than there are thresholds."""
    return signing.dumps({"by": by.pk, "ids": list(ids)}, salt=SELECTION, compress=True)


def selection_of(token: str, *, by: User) -> list[int]:
    return _opened(token, SELECTION, by)["ids"]


def _opened(token: str, salt: str, by: User) -> dict[str, Any]:
    try:
        kept = signing.loads(token, salt=salt, max_age=LIFETIME)
    except signing.BadSignature:
        raise NotOurs("This page was open for too long. Nothing was written. Start again.") from None
    if kept["by"] != by.pk:
        raise NotOurs("Somebody else opened this page. Nothing was written. Start again.")
    return kept


def _refusals_of(step: Step) -> list[Refusal]:
    return refusals_at(str(step.threshold), {column: [why] for column, why in step.problems().items()})


def _row(step: Step, words: list[str]) -> dict[str, Any]:
    return {"scope": step.threshold.scope, "metric": metric_with_unit(step.metric), "words": words}
