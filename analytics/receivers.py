from django.dispatch import receiver
from django.utils import timezone

from analytics.services.demand import put_aside
from analytics.services.following import derive_anew
from analytics.services.meters import begin_earlier
from analytics.services.results import follow_membership
from grouping.signals import membership_changed
from telemetry.signals import quarters_recomputed


@receiver(quarters_recomputed, dispatch_uid="analytics.rollups_changed")
def look_at_rollups_again(sender, buckets, redone, **kwargs):
    put_aside(buckets=buckets, now=int(timezone.now().timestamp() * 1000))
    if redone:
        derive_anew(spans=redone)
        begin_earlier(redone=redone)


@receiver(membership_changed, dispatch_uid="analytics.shifts_of_other_groups")
def look_at_shifts_again(sender, **kwargs):
    follow_membership()
