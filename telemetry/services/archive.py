"""Expired days leave the database for a file, and come back from it.

A day is claimed, written to a file, stored, read back from the storage and compared; only then is it dropped.
Every step may be the last before a kill -9: whoever comes next finds out where it stopped and goes on.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from telemetry import days, parquet, partitions, shelf
from telemetry.days import Row
from telemetry.models import ArchivedDay
from telemetry.retention import expired_before
from telemetry.services.rollups import are_rolled_up
from telemetry.services.storing import lock_devices

logger = logging.getLogger(__name__)

LEASE = timedelta(
    hours=1
)  # a killed worker's day is taken up by another after this; a slow upload renews nothing
FAILURES = 3  # in a row, and the storage is held to be away
SCRATCH_LEFT = 86_400  # seconds after which a killed worker's files are swept
FOREVER_AGO = -(2**62)

Tell = Callable[[str], None]


class NotDone(Exception):
    """Why a day stays for another time. Nothing of it was dropped."""


class Failed(NotDone):
    """The storage or the database did not do its part."""


class NoArchive(Exception):
    """There is no such day in the archive, or its file is not the one we wrote."""


def expire_days(*, at: datetime, before: date | None = None, tell: Tell = lambda line: None) -> int:
    """Archive and drop every expired day, or those before `before`; returns how many were dropped."""
    end = expired_before(at)
    if before is not None:
        end = min(end, days.start_of(before))
    dropped = failures = 0
    _when_not_busy(lambda: partitions.ensure_ahead(at))
    for day in _days_to_expire(end):
        try:
            rows = expire_day(day=day, at=at)
        except NotDone as reason:
            tell(f"{day} {reason}")
            failures += isinstance(reason, Failed)
            if failures == FAILURES:
                break
        else:
            failures = 0
            dropped += 1
            tell(f"{day} {rows:,} readings archived and dropped")
    _when_not_busy(lambda: partitions.tidy(end))
    return dropped


def _when_not_busy(work: Callable[[], object]) -> None:
    with suppress(partitions.StillBusy):  # it was said in the log, and an hour later is early enough
        work()


def _days_to_expire(end: int) -> Iterator[date]:
    """Days before `end` that have readings, oldest first, each once; first those somebody has left half way."""
    yield from (day for day in partitions.days_aside() if days.end_of(day) <= end)
    since = FOREVER_AGO
    while (oldest := days.oldest_reading(since=since, before=end)) is not None:
        day = days.day_of(oldest)
        yield day
        since = days.end_of(day)


def expire_day(*, day: date, at: datetime) -> int:
    """Archive one day and drop it; returns its readings. Refuses with `NotDone`, and then nothing is lost."""
    is_aside = day in partitions.days_aside()
    if not is_aside and days.oldest_reading(since=days.start_of(day), before=days.end_of(day)) is None:
        return 0
    kept = ArchivedDay.objects.filter(day=day, kept_until__gt=at).first()
    if kept is not None:
        raise NotDone(f"was brought back and is kept until {kept.kept_until:%Y-%m-%d}")
    with _claimed(day) as claim:
        record = claim.record
        if not are_rolled_up(before=days.end_of(day)):
            raise NotDone("waits for its rollups")
        if day in partitions.days_aside():
            partitions.put_back(day)
        names = days.known_devices()
        census = days.census_of(day, list(names))
        claim.renew()
        if not census.is_within(record.rows, record.last_received):
            if record.sha256 and (record.dropped_at or record.kept_until):
                # Something came for a day that was gone, because the retention was made longer. Both belong together.
                _bring_back(claim, only=None)
            _write(claim, names)
        rows = record.rows or 0
        _drop(claim, list(names))
        return rows


def _write(claim: "_Claim", names: dict[int, str]) -> None:
    """Write the day to a file, store it, and compare what was stored with what the database said."""
    record = claim.record
    with _scratch() as folder:
        made, copy = folder / "made.parquet", folder / "copy.parquet"
        path = _path(record)
        shelf.clear(path)  # and find out early when the storage is away
        written = parquet.write(made, claim.renewing(days.rows_of(record.day, list(names))), names)
        digest, size = parquet.sha256_of(made), made.stat().st_size
        claim.renew()
        shelf.put(path, made)
        claim.renew()
        shelf.fetch(path, copy)
        claim.renew()
        if parquet.sha256_of(copy) != digest or parquet.contents(copy) != written:
            raise NotDone(f"{path} came back from the storage other than it was written")
    before = record.path
    claim.save(
        path=path,
        rows=written.rows,
        bytes=size,
        sha256=digest,
        last_received=written.last_received,
        archived_at=timezone.now(),
        kept_until=None,
    )
    logger.info("archive.written", extra={"day": str(record.day), "rows": written.rows, "bytes": size})
    if before and before != path:
        shelf.clear(before)


def _path(record: ArchivedDay) -> str:
    """Where the day's next file goes; never where the one is that counts."""
    day = record.day
    stem = f"readings/{day:%Y}/{day:%m}/readings-{day}"
    plain, other = f"{stem}.parquet", f"{stem}-again.parquet"
    return other if record.sha256 and record.path == plain else plain


def _drop(claim: "_Claim", device_ids: list[int]) -> None:
    """Remove what is in the file, and nothing else. From the first moment on, raw is told to be gone."""
    record = claim.record
    assert record.last_received is not None
    claim.save(dropped_at=record.dropped_at or timezone.now(), kept_until=None)
    if partitions.has_own(record.day):
        try:
            partitions.set_aside(record.day)
        except partitions.StillBusy:
            raise NotDone("is in use; it will be dropped later") from None
        census = partitions.census_aside(record.day)
        if not census.is_within(record.rows, record.last_received):
            partitions.put_back(record.day)
            raise NotDone("received readings while it was being dropped")
        partitions.drop_aside(record.day)
    else:
        days.delete_day(record.day, device_ids, received_by=record.last_received)
    logger.info("archive.dropped", extra={"day": str(record.day), "rows": record.rows})


def restore_day(
    *, day: date, keep: timedelta, device_id: int | None = None, at: datetime, tell: Tell = lambda line: None
) -> int:
    """Bring a day back from its file, or one device's part of it; returns how many readings are back.

    A reading that is there meanwhile keeps its metrics and gets those that it lacks. After `keep` the day expires
    again, without a new file.
    """
    record = ArchivedDay.objects.filter(day=day).exclude(sha256="").first()
    if record is None:
        raise NoArchive(f"{day} is not in the archive.")
    with _claimed(day) as claim:
        if day in partitions.days_aside():
            partitions.put_back(day)
        partitions.give_own(day)
        rows = _bring_back(claim, only=device_id, tell=tell)
        whole = {"dropped_at": None} if device_id is None else {}
        claim.save(kept_until=at + keep, **whole)
        return rows


def _bring_back(claim: "_Claim", *, only: int | None, tell: Tell = lambda line: None) -> int:
    record = claim.record
    known, count = days.known_devices(), 0
    with _scratch() as folder:
        copy = folder / "copy.parquet"
        shelf.fetch(record.path, copy)
        if parquet.sha256_of(copy) != record.sha256:
            raise NoArchive(f"{record.path} is not the file that was written: its SHA-256 differs.")
        for page in claim.renewing(parquet.read(copy)):
            rows = [row for row in page if row.device_id in known and only in (None, row.device_id)]
            if rows:
                with transaction.atomic():
                    lock_devices(device_ids=[row.device_id for row in rows])
                    days.bring_back(rows)
            count += len(rows)
            tell(f"{record.day}: {count:,} readings")
    return count


class _Claim:
    """The right to work on a day, for as long as it is renewed."""

    def __init__(self, record: ArchivedDay) -> None:
        self.record = record
        self._renewed = time.monotonic()

    def save(self, **changes: object) -> None:
        """Note what was reached, unless somebody has taken the day over."""
        changes.setdefault("claimed_until", timezone.now() + LEASE)
        ours = ArchivedDay.objects.filter(day=self.record.day, claimed_until=self.record.claimed_until)
        if not ours.update(**changes):
            raise NotDone("took longer than its claim, and somebody else has it now")
        for name, value in changes.items():
            setattr(self.record, name, value)
        self._renewed = time.monotonic()

    def renew(self) -> None:
        self.save()

    def renewing(self, pages: Iterator[list[Row]]) -> Iterator[list[Row]]:
        """The same pages, with the claim renewed now and then."""
        for page in pages:
            if time.monotonic() - self._renewed > LEASE.total_seconds() / 5:
                self.renew()
            yield page


@contextmanager
def _claimed(day: date) -> Iterator[_Claim]:
    """Work on the day alone. What goes wrong is written down and left for another time."""
    now = timezone.now()
    until = now + LEASE
    ArchivedDay.objects.get_or_create(day=day)
    free = ArchivedDay.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), day=day)
    if not free.update(claimed_until=until):
        raise NotDone("is being worked on by somebody else")
    claim = _Claim(ArchivedDay.objects.get(day=day))
    try:
        yield claim
    except (NotDone, NoArchive) as reason:
        claim.save(claimed_until=None, error=str(reason)[:500])
        raise
    except Exception as error:
        logger.exception("archive.failed", extra={"day": str(day)})
        words = f"{type(error).__name__}: {error}"[:500]
        claim.save(claimed_until=None, error=words)
        raise Failed(f"could not be done: {words}") from error
    claim.save(claimed_until=None, error="")


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for files on their way; the data folder has room for a day where /tmp may be memory."""
    root = settings.FACTORY_DATA / "scratch"
    root.mkdir(parents=True, exist_ok=True)
    for left in root.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > SCRATCH_LEFT:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="archive-") as folder:
        yield Path(folder)
