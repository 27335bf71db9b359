from django.apps import AppConfig


class GroupingConfig(AppConfig):
    name = "grouping"
    verbose_name = "Groups"

    def ready(self) -> None:
        from devices.queries import register_filter  # noqa: PLC0415 -- the apps must be loaded
        from devices.services import hold_before_deleting  # noqa: PLC0415 -- the apps must be loaded
        from grouping.queries import narrow_to_group  # noqa: PLC0415 -- the apps must be loaded
        from grouping.services import hold_members  # noqa: PLC0415 -- the apps must be loaded

        register_filter("groupId", narrow_to_group)
        hold_before_deleting(hold_members)
