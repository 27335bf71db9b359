from django.dispatch import Signal

# device_ids: whose type is another one now. Sent inside the transaction that changes it.
device_type_changed = Signal()

# device_ids: something of them has changed that a filter may speak of (they are new, or their type, status, zone,
# location, name, tags, metadata, firmware or being in service are others now). Sent after the commit.
devices_changed = Signal()

# device_ids, at: they are out of service from now on. Inside the transaction.
devices_deactivated = Signal()

# device_ids, at: they are in service again. Inside the transaction.
devices_reactivated = Signal()

# ended: [EndedCommand], which have succeeded, failed or expired. Inside the transaction.
commands_ended = Signal()

# device_ids, at: they report now what is desired of them. Inside the transaction.
configurations_settled = Signal()

# device_ids, at: they have not followed for longer than is tolerated. Inside the transaction.
config_drifted = Signal()

# versions: {device_id: the firmware version that it says it runs}, at, has_started_anew: by what they have booted.
# Inside the transaction, also where it is the same as before.
running_versions_heard = Signal()
