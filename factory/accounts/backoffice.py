"""What the admin pages of every room have in common."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import wraps

from django.contrib import messages
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin

from factory.errors import DomainError
from factory.trpc.serializers import wire_name


def report(form: BaseForm, problems: Mapping[str, Iterable[str]]) -> None:
    """Put reasons by wire name beside the form's fields; what the form does not show stands above it."""
    names = {wire_name(name): name for name in form.fields}
    for wire, reasons in problems.items():
        name = names.get(wire)
        if name is None:
            form.add_error(None, [f"{wire}: {reason}" for reason in reasons])
        elif name not in form.errors:
            form.add_error(name, list(reasons))


def _told(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A service's refusal that no form foresaw is told on the page it came from."""

    @wraps(view)
    def told(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            return view(self, request, *args, **kwargs)
        except DomainError as refusal:
            if request.method != "POST":
                raise
            messages.error(request, refusal.message)
            return HttpResponseRedirect(request.get_full_path())

    return told


class RoomAdmin(ModelAdmin):
    """Writes through services, whose refusals are never a 500; what was refused has left no trace."""

    @_told
    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        return super().changeform_view(request, object_id, form_url, extra_context)

    @_told
    def delete_view(self, request, object_id, extra_context=None):
        return super().delete_view(request, object_id, extra_context)

    @_told
    def changelist_view(self, request, extra_context=None):
        # Django logs what it is about to delete; other actions commit step by step.
        deleting = request.method == "POST" and request.POST.get("action") == "delete_selected"
        with transaction.atomic() if deleting else nullcontext():
            return super().changelist_view(request, extra_context)


class ReadOnlyAdmin(RoomAdmin):
    """Shown, searched and acted upon, but never typed into."""

    show_full_result_count = False

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_readonly_fields(self, request, obj=None):
        return [field.name for field in self.model._meta.fields if field.name not in (self.exclude or ())]

    def save_model(self, request, obj, form, change) -> None:
        """Nothing was typed; saving would put back what has moved meanwhile."""


class Cascading:
    """Deleting takes along what may not be deleted on its own, such as sessions and alerts."""

    def get_deleted_objects(self, objs, request):
        to_delete, counts, _, protected = super().get_deleted_objects(objs, request)  # type: ignore[misc]
        return to_delete, counts, set(), protected
