"""Links to the wallboard: which there are, and what one of them opens."""

from datetime import datetime

from django.db.models import QuerySet

from analytics.models import WallLink
from analytics.queries.part import Part, part_of
from analytics.wall_tokens import hash_of
from factory.errors import NotFound


class WallLinkUnknown(NotFound):
    """We never made this link, or its group is gone."""


class WallLinkEnded(NotFound):
    """It was good once: revoked, or over."""


def wall_links() -> QuerySet[WallLink]:
    """All of them, the newest first."""
    return WallLink.objects.select_related("created_by", "group").order_by("-pk")


def wall_link_of(token: str, *, at: datetime) -> WallLink:
    """The link that has this token; refuses one that nobody made or that has ended."""
    link = WallLink.objects.select_related("group").filter(token_hash=hash_of(token)).first()
    if link is None:
        raise WallLinkUnknown("This is no link to a wallboard.")
    if not link.is_good(at):
        raise WallLinkEnded("This link to the wallboard has ended.")
    return link


def shown_by(link: WallLink) -> Part:
    """What of the plant it shows."""
    return part_of(zone=link.zone, group=link.group)
