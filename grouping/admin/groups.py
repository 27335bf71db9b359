from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.forms import CharField, ModelForm, Textarea
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from devices.filtering import FilterRefused, parse_filter
from devices.models import Device
from devices.queries import get_device_ids
from devices.services import why_misshapen
from factory.accounts.backoffice import Cascading, RoomAdmin, report
from factory.errors import DomainError
from grouping import services
from grouping.admin.restarting import Restarting
from grouping.models import Group
from grouping.queries import group_tree


class GroupForm(ModelForm):
    # Text, because a hall has more devices than a form may have fields.
    members = CharField(
        label=_("Devices"),
        required=False,
        widget=Textarea,
        help_text=_("Device ids, one a line."),
        strip=False,
    )

    class Meta:
        model = Group
        fields = ["name", "type", "parent", "description", "filter", "metadata"]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # Others add and remove while the form is open; only what a person has changed is a change.
        self.fields["members"].show_hidden_initial = True
        if self.instance.pk:
            devices = Device.objects.filter(memberships__group=self.instance).order_by("external_id")
            self.fields["members"].initial = "\n".join(devices.values_list("external_id", flat=True))

    def clean_members(self) -> dict[str, list[int]]:
        """{service: devices} of what the person has changed."""
        before = set(self.data.get(self.add_initial_prefix("members"), "").split())
        after = set(self.cleaned_data["members"].split())
        gone = Device.objects.filter(external_id__in=before - after)
        try:
            added = get_device_ids(sorted(after - before))
        except DomainError as refusal:
            raise ValidationError(refusal.message) from None
        return {"add": added, "remove": list(gone.values_list("pk", flat=True))}

    def clean(self):
        cleaned = super().clean() or {}
        if cleaned.get("metadata", {}) is None:  # an emptied box
            cleaned["metadata"] = {}
        problems = why_misshapen(tags=[], metadata=cleaned.get("metadata", {}))
        parent = cleaned.get("parent")
        if parent and (why_not := group_tree().why_not_inside(self.instance.pk, parent.pk)):
            problems["parent"] = why_not
        if filter := cleaned.get("filter"):
            try:
                parse_filter(filter)
            except FilterRefused as refusal:
                problems["filter"] = refusal.reason
            if any(cleaned.get("members", {}).values()):
                problems["members"] = "A group with a filter fills itself."
        report(self, {field: [reason] for field, reason in problems.items()})
        return cleaned


@admin.register(Group)
class GroupAdmin(Restarting, Cascading, RoomAdmin):
    form = GroupForm
    list_display = ["name", "type", "parent", "filter", "devices"]
    list_filter = ["type"]
    list_select_related = ["parent"]
    search_fields = ["name", "description"]
    ordering = ["name"]
    fields = [
        "name",
        "type",
        "parent",
        "description",
        "filter",
        "members",
        "metadata",
        "created_at",
        "updated_at",
    ]
    readonly_fields = ["created_at", "updated_at"]
    autocomplete_fields = ["parent"]

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(devices=Count("memberships"))

    @admin.display(description=_("devices"), ordering="devices")
    def devices(self, group) -> int:
        return group.devices

    def get_deleted_objects(self, objs, request):
        to_delete, counts, missing, _ = super().get_deleted_objects(objs, request)
        # What is selected together goes together, from within.
        selected = [group.pk for group in objs]
        inside = Group.objects.filter(parent__in=selected).exclude(pk__in=selected).order_by("name")
        return to_delete, counts, missing, [str(group) for group in inside]

    def save_model(self, request, obj, form, change) -> None:
        members, at = form.cleaned_data["members"], timezone.now()
        if not change:
            values = {field: getattr(obj, field) for field in services.EDITABLE - {"name", "type"}}
            group = services.create_group(
                name=obj.name, type=obj.type, device_ids=members["add"], at=at, **values
            )
            obj.pk = group.pk
            return
        names = {"parent": "parent_id"}
        changed = [names.get(name, name) for name in form.changed_data if name != "members"]
        services.edit_group(group=obj, at=at, **{name: getattr(obj, name) for name in changed})
        if members["add"]:
            services.add_devices(group=obj, device_ids=members["add"], at=at)
        if members["remove"]:
            services.remove_devices(group=obj, device_ids=members["remove"], at=at)

    def delete_model(self, request, obj) -> None:
        services.delete_group(group=obj)

    def delete_queryset(self, request, queryset) -> None:
        tree = group_tree()
        for group in sorted(queryset, key=lambda group: -len(tree.chain(group.pk))):  # from within
            services.delete_group(group=group)
