"""Large files for the tests of imports, and a worker that does them."""

from itertools import count

from devices.queries import get_import
from devices.services.importing import work_on_import
from devices.services.imports import bring_import, start_import
from tests.builders import NOON, make_user

HEAD = "deviceId,name,type,zone\n"
_claims = count(1)


def file_of(devices, *, start=0, more=""):
    return HEAD + "".join(f"d-{n},Device {n},sensor,Hall A\n" for n in range(start, start + devices)) + more


def bring(text, *, by=None, at=NOON, **how):
    by = by or make_user(role="technician")
    return bring_import(name="plant.csv", text=text, by=by, at=at, **how)


def work(one, *, at=NOON):
    """A worker's turn; returns the import as it is then."""
    work_on_import(import_id=one.pk, claim=f"claim-{next(_claims)}", clock=lambda: at)
    return get_import(one.pk)


def start(one, *, at=NOON, skip_bad=False, by=None):
    start_import(import_id=one.pk, by=by or one.created_by, at=at, skip_bad=skip_bad)
    return get_import(one.pk)


def done(text, *, by=None, at=NOON, **how):
    """Brought, looked through, begun and written."""
    one = bring(text, by=by, at=at, **how)
    work(one, at=at)
    start(one, at=at, skip_bad=True)
    return work(one, at=at)
