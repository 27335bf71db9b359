from django.dispatch import Signal

# group: whose members or place have changed; is_going: it is deleted next, is empty already, and what hangs
# on it is still there. Sent inside the transaction, with all groups locked: what a receiver writes is
# committed together with the change, or not at all.
membership_changed = Signal()
