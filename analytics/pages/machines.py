"""Devices as machines: the list, one of them with its profile and products, and what it makes from now on."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from analytics.models import MachineProfile
from analytics.pages.devices import report
from analytics.pages.doors import for_people, page, person
from analytics.pages.machine_form import (
    ALWAYS,
    TODAY,
    WIRE_NAMES,
    ProductsForm,
    ProfileForm,
    StartForm,
    initial_of,
    products_in,
    rows_of_products,
    with_product_step,
)
from analytics.queries.machine_pages import (
    MachineSetup,
    machine_page,
    machine_rows,
    machines_found,
    no_machines,
)
from analytics.queries.machines import ProfileUnknown
from analytics.queries.states import moment
from analytics.services.machines import (
    RunUnknown,
    drop_machine_profile,
    set_machine_profile,
    set_products,
    start_product,
    take_back_product,
)
from analytics.templatetags.plant import briefly
from devices.models import Device
from devices.queries import get_device
from factory.accounts.models import User
from factory.errors import DomainError

PER_PAGE = 50
OFFERED = 20
HERE = {"here": "performance", "tab": "machines"}


@for_people()
def machines(request: HttpRequest) -> HttpResponse:
    """Every machine as it is set up, and the devices that may become one."""
    search = request.GET.get("search", "").strip()[:120]
    found = Paginator(machines_found(search), PER_PAGE).get_page(request.GET.get("page"))
    offered = list(no_machines(search)[: OFFERED + 1]) if _may_change(request) else []
    context = {
        **HERE,
        "search": search,
        "rows": found,
        "machines": machine_rows(list(found), at=timezone.now()),
        "offered": offered[:OFFERED],
        "more": len(offered) > OFFERED,
    }
    return page(request, "analytics/setup_machines.html", context)


def _may_change(request: HttpRequest) -> bool:
    return person(request).has_rank_of(User.Role.TECHNICIAN)


@require_http_methods(["GET", "POST"])
@for_people()
def machine(request: HttpRequest, device_id: int) -> HttpResponseBase:
    """One device as a machine: read by everybody, changed by technicians."""
    device = get_device(device_id)
    return _save_profile(request, device) if request.method == "POST" else _show(request, device)


def _show(request: HttpRequest, device: Device, *, status: int = 200, **changed: Any) -> HttpResponse:
    """The page of a machine; `changed` replaces one of its forms, for example by one with its errors."""
    at = timezone.now()
    setup = machine_page(device=device, at=at)
    context = {
        **HERE,
        "device": device,
        "setup": setup,
        "profile_form": ProfileForm(is_new=setup.profile is None, initial=initial_of(setup.profile, at=at)),
        "products_form": ProductsForm(rows=rows_of_products(setup.products)),
        "start_form": StartForm(products=setup.products, initial={"product": _made(setup)}),
        **changed,
    }
    return page(request, "analytics/setup_machine.html", context, status=status)


def _made(setup: MachineSetup) -> str:
    return setup.makes.product.name if setup.makes and setup.makes.product else ""


@for_people(User.Role.TECHNICIAN)
def _save_profile(request: HttpRequest, device: Device) -> HttpResponse:
    """Say what it is as a machine, for the first time or anew."""
    at = timezone.now()
    before = machine_page(device=device, at=at)
    form = ProfileForm(request.POST, is_new=before.profile is None)
    if form.is_valid():
        try:
            profile = set_machine_profile(device=device, by=person(request), at=at, **form.properties(at=at))
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            messages.success(request, _saved(before, profile, form.cleaned_data.get("since", ALWAYS)))
            return redirect("machine-setup", device.pk)
    return _show(request, device, status=422, profile_form=form)


def _saved(before: MachineSetup, profile: MachineProfile, since: str) -> str:
    """From when on it holds, and until when, where something else was said for later already."""
    name = before.device.name
    if before.profile is None:
        return gettext("%(name)s is a machine now.") % {"name": name}
    if since == ALWAYS:
        return gettext("Saved: %(name)s, for the past too.") % {"name": name}
    later = [one.valid_from for one in before.profiles if one.valid_from > profile.valid_from]
    given = {"name": name, "start": briefly(moment(profile.valid_from))}
    if later:
        given["end"] = briefly(moment(later[0]))
        if since == TODAY:
            words = gettext(
                "Saved: %(name)s, from today on, up to %(end)s; from then on something else was said already."
            )
        else:
            words = gettext(
                "Saved: %(name)s, from %(start)s on, up to %(end)s; from then on something else was said already."
            )
        return words % given
    if since == TODAY:
        return gettext("Saved: %(name)s, from today on.") % given
    return gettext("Saved: %(name)s, from %(start)s on.") % given


@require_POST
@for_people(User.Role.TECHNICIAN)
def machine_products(request: HttpRequest, device_id: int) -> HttpResponse:
    """A row more or fewer, or the products saved as they stand."""
    device = get_device(device_id)
    if stepped := with_product_step(products_in(request.POST), request.POST.get("do", "")):
        rows, focus = stepped
        return _show(request, device, products_form=ProductsForm(rows=rows, focus=focus))
    form = ProductsForm(request.POST)
    if form.is_valid():
        try:
            set_products(device=device, products=form.products())
        except DomainError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, gettext("Saved: what %(name)s makes.") % {"name": device.name})
            return redirect("machine-setup", device_id)
    return _show(request, device, status=422, products_form=form)


@require_POST
@for_people(User.Role.OPERATOR)
def begin_product(request: HttpRequest, device_id: int) -> HttpResponse:
    """From now, or from a moment on, it makes another product."""
    device, at = get_device(device_id), timezone.now()
    form = StartForm(request.POST, products=machine_page(device=device, at=at).products)
    if form.is_valid():
        try:
            start_product(device=device, at=at, **form.asked(at=at))
        except DomainError as refusal:
            report(form, refusal, {"startTime": "start"})
        else:
            product = form.cleaned_data["product"]
            given = {"name": device.name, "product": product}
            words = (
                gettext("%(name)s makes %(product)s.")
                if product
                else gettext("%(name)s makes what its profile says.")
            )
            messages.success(request, words % given)
            return redirect("machine-setup", device_id)
    return _show(request, device, status=422, start_form=form)


@require_POST
@for_people(User.Role.OPERATOR)
def forget_start(request: HttpRequest, device_id: int) -> HttpResponse:
    """That it began to make something was a mistake."""
    device = get_device(device_id)
    try:
        take_back_product(device=device, start=int(request.POST.get("start", "")))
    except (ValueError, RunUnknown):
        messages.error(request, gettext("That is taken back already."))
    else:
        messages.success(request, gettext("It is taken back: what was made before goes on."))
    return redirect("machine-setup", device_id)


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def drop_machine(request: HttpRequest, device_id: int) -> HttpResponse:
    """Say what is forgotten with a profile; then the device is no machine any more."""
    device = get_device(device_id)
    if request.method == "POST":
        drop_machine_profile(device=device)
        messages.success(
            request, gettext("%(name)s is no machine any more. Its readings stay.") % {"name": device.name}
        )
        return redirect("machines")
    setup = machine_page(device=device, at=timezone.now())
    if setup.profile is None:
        raise ProfileUnknown(gettext("%(name)s has no machine profile.") % {"name": device.name})
    return page(request, "analytics/setup_drop_machine.html", {**HERE, "device": device, "setup": setup})
