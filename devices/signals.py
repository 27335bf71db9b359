from django.dispatch import Signal

# device_ids: whose type is another one now. Sent inside the transaction that changes it.
device_type_changed = Signal()
