"""Everything that is sealed in the database, sealed anew under the key in force, beside the work of the plant."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.apps import apps
from django.db.models import Model

from factory.sealed import CannotUnseal, SealedText, is_under_newest_key, seal, unseal

logger = logging.getLogger(__name__)

BATCH = 200


@dataclass
class Resealed:
    """What was found in all columns together."""

    sealed: int = 0  # anew, or for the first time
    left: int = 0  # would have been
    lost: list[str] = field(default_factory=list)  # rows that no known key opens


def sealed_columns() -> Iterator[tuple[type[Model], str]]:
    for model in apps.get_models():
        for column in model._meta.concrete_fields:
            if isinstance(column, SealedText):
                yield model, column.attname


def reseal(*, only_look: bool = False) -> Resealed:
    """Seal under the newest key what is plain or under an older one. Each value by itself: nobody waits for all.

    A value that somebody has changed meanwhile stays as they left it: it is under their newest key.
    """
    found = Resealed()
    for model, column in sealed_columns():
        for pk, kept in _older(model, column):
            try:
                plain = unseal(kept)
            except CannotUnseal:
                found.lost.append(f"{model._meta.label} {pk}: {column}")
                continue
            if only_look:
                found.left += 1
            else:
                found.sealed += _replace(model, column, pk, kept, seal(plain))
    if found.sealed or found.lost:
        logger.info("secrets.resealed", extra={"sealed": found.sealed, "lost": len(found.lost)})
    return found


def _replace(model: type[Model], column: str, pk: object, kept: str, sealed: str) -> int:
    return model._base_manager.filter(pk=pk, **{column: kept}).update(**{column: sealed})


def _older(model: type[Model], column: str) -> Iterator[tuple[object, str]]:
    """What is not under the newest key, read in batches along the primary key."""
    rows = model._base_manager.exclude(**{column: ""}).order_by("pk").values_list("pk", column)
    batch = list(rows[:BATCH])
    while batch:
        yield from ((pk, kept) for pk, kept in batch if not is_under_newest_key(kept))
        batch = list(rows.filter(pk__gt=batch[-1][0])[:BATCH])
