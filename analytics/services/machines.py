"""Devices as machines: profiles, products, and lines for which one station speaks."""

import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.utils.translation import gettext, gettext_noop

from analytics.models import (
    Line,
    MachineMark,
    MachineProfile,
    Product,
    ProductRun,
    Redo,
    ShiftResult,
    StateInterval,
)
from analytics.models.machines import LONGEST_MICRO_STOP, USUAL_MICRO_STOP
from analytics.queries.machines import EVER, ProfileUnknown
from analytics.queries.states import ms
from analytics.services.results import forget_results
from devices.models import Device
from factory.accounts.models import User
from factory.accounts.noting import note_change
from factory.errors import Conflict, InvalidInput, NotFound
from grouping.models import Group
from grouping.queries import members_of
from telemetry.metrics import METRIC_NAME, NO_METRIC_NAME
from telemetry.retention import raw_begins
from telemetry.samples import sample_before, sample_from
from telemetry.services.metrics import make_counter

logger = logging.getLogger(__name__)

FASTEST_CYCLE, SLOWEST_CYCLE = 0.001, 86_400.0 * 7  # s
CYCLES = gettext_noop("must be from 0.001 s to a week")
RUNNING = ("running_by", "running_metric", "running_above", "running_statuses")
PRODUCTS_LIMIT = 500
DAY_MS = 86_400_000
LONGEST_REDO_DAYS = 400  # no answer reaches further back


class ProductUnknown(NotFound):
    """The machine makes no such product."""


class RunUnknown(NotFound):
    """No product was started then."""


class ProductInUse(Conflict):
    """It was made already, and its cycle still counts for that."""


@transaction.atomic
def set_machine_profile(
    *, device: Device, by: User | None, at: datetime, valid_from: int | None = None, **properties: Any
) -> MachineProfile:
    """Say what a device is as a machine. Without `valid_from` (ms) it replaces all that was said, for the past too;
    with it what was said before stays true up to then."""
    values = _checked(properties)
    begins = valid_from or 0
    if begins > ms(at):
        raise InvalidInput.at("validFrom", gettext("is in the future"))
    _hold(device)
    for field in ("total_metric", "good_metric", "reject_metric"):
        if values[field]:
            _make_counter(field, values[field], device)
    before = [_valid_at(device, begins)]
    was = {name: getattr(before[0], name) for name in values} if before[0] else {}
    if valid_from is None:
        before += MachineProfile.objects.filter(device=device, valid_from__gt=begins)
        MachineProfile.objects.filter(device=device).delete()
    profile, _ = MachineProfile.objects.update_or_create(
        device=device, valid_from=begins, defaults={**values, "updated_at": at}
    )
    if any(one is None or _runs_otherwise(one, values) for one in before):
        _derive_from(profile)
    forget_results(device_ids=[device.pk], start=begins)
    note_change("analytics.machineprofile", profile.pk, device.external_id, before=was, after=values)
    logger.info("machine.profile_set", extra={"device_id": device.pk, "user_id": by.pk if by else None})
    return profile


@transaction.atomic
def drop_machine_profile(*, device: Device) -> None:
    """The device is no machine any more; what it did as one is forgotten, its readings are not."""
    _hold(device)
    if not MachineProfile.objects.filter(device=device).delete()[0]:
        raise ProfileUnknown(gettext("%(device)s has no machine profile.") % {"device": device.name})
    for model in (ProductRun, Product, Redo, ShiftResult, MachineMark):
        model.objects.filter(device=device).delete()
    StateInterval.objects.filter(device=device, is_added=False).delete()


def _runs_otherwise(profile: MachineProfile, values: dict[str, Any]) -> bool:
    return any(getattr(profile, name) != values[name] for name in RUNNING)


def _hold(device: Device) -> None:
    """One change of a machine after the other; who keeps something of it meanwhile gives way."""
    MachineMark.objects.get_or_create(device=device)
    MachineMark.objects.select_for_update().get(device=device)


def _valid_at(device: Device, at: int) -> MachineProfile | None:
    profiles = MachineProfile.objects.filter(device=device, valid_from__lte=at)
    return profiles.order_by("-valid_from").first()


def _derive_from(profile: MachineProfile) -> None:
    """What says whether it runs is another thing from then on: what was derived of that time is derived anew.

    Where the raw readings of it are archived already, what was known before stays.
    """
    marks = MachineMark.objects.filter(device=profile.device_id)
    begins = profile.valid_from
    if profile.running_metric:
        begins = max(begins, raw_begins() or 0)
    if begins == 0:
        StateInterval.objects.filter(device=profile.device_id, is_added=False).delete()
        marks.update(seen_at=None, followed_to=None)
        return
    kept = StateInterval.objects.filter(device=profile.device_id, is_added=False)
    kept.filter(start__gte=begins).delete()
    kept.filter(end__gt=begins).update(end=begins)
    followed_to = marks.values_list("followed_to", flat=True).get() or 0
    if followed_to < begins:
        _derive_days(profile.device, followed_to, begins)
    before = None
    if profile.running_metric:
        before = sample_before(profile.device_id, profile.running_metric, begins + 1)
    marks.update(seen_at=before[0] if before else None, followed_to=begins)


def _derive_days(device: Device, start: int, end: int) -> None:
    """What nobody has followed yet before another profile begins: day by day, since it may be long."""
    before = _valid_at(device, end - 1)
    if before is None:
        return
    start = max(start, raw_begins() or 0, end - LONGEST_REDO_DAYS * DAY_MS)
    if before.running_metric:
        first = sample_from(device.pk, before.running_metric, start)
        start = end if first is None else first[0]
    edges = [*range(start, end, DAY_MS), end]
    Redo.objects.bulk_create(Redo(device=device, start=begin, end=until) for begin, until in pairwise(edges))


def _checked(properties: dict[str, Any]) -> dict[str, Any]:
    """All that a profile holds, or a refusal that names what is wrong."""
    values: dict[str, Any] = {
        "good_metric": "",
        "reject_metric": "",
        "running_metric": "",
        "running_above": 0.0,
        "running_statuses": [],
        "micro_stop_seconds": USUAL_MICRO_STOP,
        **properties,
    }
    problems: dict[str, str] = {}
    if not FASTEST_CYCLE <= values["ideal_cycle_seconds"] <= SLOWEST_CYCLE:
        problems["idealCycleSeconds"] = gettext(CYCLES)
    if not 0 <= values["micro_stop_seconds"] <= LONGEST_MICRO_STOP:
        problems["microStopSeconds"] = gettext("must be from 0 to %(most)s") % {"most": LONGEST_MICRO_STOP}
    if values["good_metric"] and values["reject_metric"]:
        problems["rejectMetric"] = gettext("give either goodMetric or rejectMetric")
    for field, name in (
        ("total_metric", "totalMetric"),
        ("good_metric", "goodMetric"),
        ("reject_metric", "rejectMetric"),
        ("running_metric", "running.metric"),
    ):
        if values[field] and not METRIC_NAME.match(values[field]):
            problems[name] = gettext(NO_METRIC_NAME)
    if not values["total_metric"]:
        problems["totalMetric"] = gettext("say which metric counts what is made")
    elif values["total_metric"] in (values["good_metric"], values["reject_metric"]):
        problems["totalMetric"] = gettext(
            "counts all pieces, so it cannot count the good ones or the rejects as well"
        )
    if values["running_by"] == MachineProfile.RunningBy.STATUS:
        if not values["running_statuses"]:
            problems["running.status"] = gettext("name at least one status")
        elif Device.Status.OFFLINE in values["running_statuses"]:
            problems["running.status"] = gettext("a device that is offline is not known to run")
    elif not values["running_metric"]:
        problems["running.metric"] = gettext("say which metric tells")
    if problems:
        first = next(iter(problems))
        raise InvalidInput(
            f"{first}: {problems[first]}", fields={name: [reason] for name, reason in problems.items()}
        )
    return values


def _make_counter(field: str, metric: str, device: Device) -> None:
    names = {"total_metric": "totalMetric", "good_metric": "goodMetric", "reject_metric": "rejectMetric"}
    try:
        make_counter(key=metric, device_id=device.pk)
    except InvalidInput as refusal:
        raise InvalidInput.at(names[field], refusal.message) from None


# Products


@transaction.atomic
def set_products(*, device: Device, products: Sequence[tuple[str, float]]) -> list[Product]:
    """The products of a machine are exactly these (name, ideal cycle in seconds) from now on."""
    if len(products) > PRODUCTS_LIMIT:
        raise InvalidInput.at("products", gettext("at most %(most)s") % {"most": PRODUCTS_LIMIT})
    cycles = dict(products)
    for place, (name, seconds) in enumerate(products):
        if [other for other, _ in products].index(name) != place:
            raise InvalidInput.at(
                f"products.{place}.name", gettext("two products are called %(name)s") % {"name": name}
            )
        if not FASTEST_CYCLE <= seconds <= SLOWEST_CYCLE:
            raise InvalidInput.at(f"products.{place}.idealCycleSeconds", gettext(CYCLES))
    _hold(device)
    there = {product.name: product for product in Product.objects.filter(device=device)}
    gone = [product.pk for name, product in there.items() if name not in cycles]
    if made := ProductRun.objects.filter(product__in=gone).select_related("product").first():
        raise ProductInUse(
            gettext("%(product)s was made already. Leave it in, or change its cycle.")
            % {"product": made.product}
        )
    Product.objects.filter(pk__in=gone).delete()
    for name, seconds in products:
        Product.objects.update_or_create(device=device, name=name, defaults={"ideal_cycle_seconds": seconds})
    forget_results(device_ids=[device.pk])
    return list(Product.objects.filter(device=device).order_by("name"))


@transaction.atomic
def start_product(*, device: Device, product: str | None, start: int, at: datetime) -> ProductRun:
    """From `start` (ms) on the machine makes this product, until the next one begins; None: what its profile says."""
    if start > ms(at):
        raise InvalidInput.at("startTime", gettext("is in the future"))
    found = Product.objects.filter(device=device, name=product).first() if product is not None else None
    if product is not None and found is None:
        raise ProductUnknown(
            gettext("%(device)s makes no product called %(product)s.")
            % {"device": device.name, "product": product}
        )
    _hold(device)
    run, _ = ProductRun.objects.update_or_create(device=device, start=start, defaults={"product": found})
    later = ProductRun.objects.filter(device=device, start__gt=start).order_by("start").first()
    forget_results(device_ids=[device.pk], start=start, end=later.start if later else EVER)
    return run


@transaction.atomic
def take_back_product(*, device: Device, start: int) -> None:
    """That a product was started at `start` (ms) was a mistake: what was made before goes on."""
    _hold(device)
    later = ProductRun.objects.filter(device=device, start__gt=start).order_by("start").first()
    if not ProductRun.objects.filter(device=device, start=start).delete()[0]:
        raise RunUnknown(gettext("%(device)s started no product at this moment.") % {"device": device.name})
    forget_results(device_ids=[device.pk], start=start, end=later.start if later else EVER)


# Lines


@transaction.atomic
def set_line(*, group: Group, station: Device | None) -> Line | None:
    """A group is a serial line for which one station speaks: its bottleneck or its last one. None: it is none."""
    if station is None:
        Line.objects.filter(group=group).delete()
        return None
    if station.pk not in members_of(group_id=group.pk):
        raise InvalidInput.at(
            "stationId",
            gettext("%(station)s is not in %(group)s") % {"station": station.name, "group": group.name},
        )
    if not MachineProfile.objects.filter(device=station).exists():
        raise InvalidInput.at(
            "stationId", gettext("%(station)s has no machine profile") % {"station": station.name}
        )
    line, _ = Line.objects.update_or_create(group=group, defaults={"station": station})
    return line
