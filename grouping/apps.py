from django.apps import AppConfig


class GroupingConfig(AppConfig):
    name = "grouping"
    verbose_name = "Groups"

    def ready(self) -> None:
        from devices.queries import register_filter, tell_what_goes  # noqa: PLC0415 -- the apps must be loaded
        from devices.services import hold_before_deleting  # noqa: PLC0415 -- the apps must be loaded
        from grouping import (  # noqa: F401, PLC0415 -- connects the signals
            batch_receivers,
            receivers,
            wording,
        )
        from grouping.queries import count_memberships, narrow_to_group  # noqa: PLC0415 -- the apps must be loaded
        from grouping.services import hold_members, register_own_operations  # noqa: PLC0415 -- the apps must be loaded

        register_filter("groupId", narrow_to_group)
        tell_what_goes("places in groups", count_memberships)
        hold_before_deleting(hold_members)
        hold_before_deleting(batch_receivers.look_after_deleting)
        register_own_operations()
