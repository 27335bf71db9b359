"""Links to the wallboard: made, used, revoked."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext

from analytics.models import WallLink
from analytics.queries.walls import WallLinkUnknown, wall_link_of
from analytics.wall_tokens import hash_of, hint_of, new_token
from factory.accounts.models import User
from factory.errors import Conflict, InvalidInput
from grouping.models import Group

NOTED_EVERY = timedelta(
    minutes=1
)  # a screen asks many times a minute; when it last did need not be told finer


class WallLinkAlreadyRevoked(Conflict):
    """Somebody was first."""


def make_wall_link(
    *,
    name: str,
    by: User | None,
    at: datetime,
    zone: str = "",
    group: Group | None = None,
    expires_at: datetime | None = None,
) -> tuple[WallLink, str]:
    """A link that shows the wallboard to whoever has it. Its token is told this once."""
    if zone and group is not None:
        raise InvalidInput.at("group", "a link shows either a zone or a group")
    if expires_at is not None and expires_at <= at:
        raise InvalidInput.at("expiresAt", "must be in the future")
    token = new_token()
    link = WallLink.objects.create(
        token_hash=hash_of(token),
        hint=hint_of(token),
        name=name,
        zone=zone,
        group=group,
        created_by=by,
        created_at=at,
        expires_at=expires_at,
    )
    return link, token


def use_wall_link(*, token: str, at: datetime) -> WallLink:
    """The link of this token, whose use is noted; refuses one that is none or has ended."""
    link = wall_link_of(token, at=at)
    long_ago = Q(last_used_at=None) | Q(last_used_at__lt=at - NOTED_EVERY)
    WallLink.objects.filter(long_ago, pk=link.pk).update(last_used_at=at)
    return link


def revoke_wall_link(*, link_id: int, at: datetime) -> WallLink:
    """From now on it shows nothing. Only the first of two who revoke it does so."""
    won = WallLink.objects.filter(pk=link_id, revoked_at=None).update(revoked_at=at)
    link = WallLink.objects.filter(pk=link_id).first()
    if link is None:
        raise WallLinkUnknown(gettext("There is no link %(id)s.") % {"id": link_id})
    if not won:
        raise WallLinkAlreadyRevoked(gettext("The link “%(name)s” was revoked already.") % {"name": link})
    return link
