"""What the admin pages of every room have in common."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import wraps

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.formats import localize
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from factory.accounts.places import audit_page, page_of
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


MOST_COUNTED = 10_000  # rows of a list; whoever looks for one further back narrows the list


class LimitedPaginator(Paginator):
    """Counts so far and no further: COUNT(*) over everything is what makes the list of a large table slow."""

    template_name = "admin/pages_of_a_list.html"

    @cached_property
    def counted(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by()[: MOST_COUNTED + 1].count()

    @property
    def count(self) -> int:
        return min(self.counted, MOST_COUNTED)

    @property
    def is_more(self) -> bool:
        """There are rows that no page shows."""
        return self.counted > MOST_COUNTED


class RoomAdmin(ModelAdmin):
    """Writes through services, whose refusals are never a 500; what was refused has left no trace."""

    paginator = LimitedPaginator
    list_per_page = 40  # what takes its time is to draw the rows
    show_full_result_count = False  # a second count, without the filters

    def view_on_site(self, obj: Model) -> str | None:
        """The page where plant staff meet the same thing, where there is one."""
        return page_of(obj)

    def history_view(self, request, object_id, extra_context=None):
        """Django's own log knows what was done in the admin; the audit log also knows pages and procedures."""
        return HttpResponseRedirect(audit_page(self.opts.label_lower, object_id))

    def response_action(self, request, queryset):
        """`All` means all: it is refused where the list itself has said that it does not know how many those are."""
        across = (
            request.POST.get("select_across") == "1" and request.POST.get("action") not in self.may_be_many
        )
        if across and LimitedPaginator(queryset, 1).is_more:
            words = _("More than %(count)s are selected. Narrow the list by its filters or its search first.")
            messages.warning(request, words % {"count": localize(MOST_COUNTED)})
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset)

    may_be_many: tuple[str, ...] = ()  # actions that stream, such as exports

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
