"""How often somebody may try to sign in, or make an account. Counted by django-ratelimit.

It takes three or four round trips to Redis, which is nothing beside a comparison of passwords. While Redis is
away each process counts for itself: here nobody may try as often as they like.
"""

import time
from typing import Any

from django.conf import settings
from django.utils.translation import gettext
from django_ratelimit.core import get_usage

from factory.errors import TooMany
from factory.limits.addresses import home_of
from factory.limits.rates import Rate


def count_attempt(kind: str, *, address: str) -> dict[str, str]:
    """One more `login` or `register` from this address; refused when there are too many. Headers about it."""
    if settings.RATE_LOGIN is None:
        return {}
    usage = _usage(kind, home_of(address), settings.RATE_LOGIN, increment=True)
    headers = _headers(usage)
    if usage["should_limit"]:
        raise _too_many(usage, headers)
    return headers


def refuse_after_failures(*, email: str, address: str) -> None:
    """Refuse whoever was wrong too often, with this e-mail from this address: nobody else is locked out."""
    _refuse(_failures(email, address))


def note_failure(*, email: str, address: str) -> None:
    """Somebody was wrong about a password."""
    _note(_failures(email, address))


def refuse_after_wrong_codes(*, email: str, address: str) -> None:
    """As above, of the second factor: only who knows the password can get as far as being refused here."""
    _refuse(_wrong_codes(email, address))


def note_wrong_code(*, email: str, address: str) -> None:
    _note(_wrong_codes(email, address))


def refuse_wrong_token(*, address: str) -> None:
    """One more wrong API token from this address; refused when there are too many."""
    rate = settings.RATE_LOGIN
    if rate is not None:
        usage = _usage("wrong-token", home_of(address), _wider(rate), increment=True)
        if usage["should_limit"]:
            raise _too_many(usage, _headers(usage))


WIDER = 10  # times as many for all e-mails from one address: people of a plant share theirs
HOUR = 3600
Counted = list[tuple[str, str, Rate]]


def _failures(email: str, address: str) -> Counted:
    rate = settings.RATE_LOGIN
    if rate is None:
        return []
    return [("failed", _pair(email, address), rate), ("failed-from", home_of(address), _wider(rate))]


def _wrong_codes(email: str, address: str) -> Counted:
    """For an account as a whole as well: six digits do not last against many addresses."""
    rate = settings.RATE_LOGIN
    if rate is None:
        return []
    whole = Rate(rate.count * WIDER, HOUR)
    return [("wrong-code", _pair(email, address), rate), ("wrong-codes", email, whole)]


def _wider(rate: Rate) -> Rate:
    return Rate(rate.count * WIDER, rate.seconds)


def _refuse(counted: Counted) -> None:
    for group, key, rate in counted:
        usage = _usage(group, key, rate, increment=False)
        if usage["count"] >= usage["limit"]:
            raise _too_many(usage, _headers(usage))


def _note(counted: Counted) -> None:
    for group, key, rate in counted:
        _usage(group, key, rate, increment=True)


def _pair(email: str, address: str) -> str:
    return f"{home_of(address)} {email}"


def _usage(group: str, key: str, rate: Rate, *, increment: bool) -> dict[str, Any]:
    usage = get_usage(
        None, group=group, key=lambda *_: key, rate=(rate.count, rate.seconds), increment=increment
    )
    assert usage is not None, "there is a rate, so there is a usage"
    return usage


def _headers(usage: dict[str, Any]) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(usage["limit"]),
        "X-RateLimit-Remaining": str(max(0, usage["limit"] - usage["count"])),
        "X-RateLimit-Reset": str(int(time.time()) + max(0, usage["time_left"]) + 1),
    }


def _too_many(usage: dict[str, Any], headers: dict[str, str]) -> TooMany:
    seconds = max(0, usage["time_left"]) + 1
    words = gettext("Too many attempts. Try again in %(seconds)s s.") % {"seconds": seconds}
    return TooMany(words, retry_after=seconds, headers=headers)


def is_within(rate: Rate, kind: str, key: str) -> bool:
    """One more of something that has a rate of its own; switched off together with the others."""
    return settings.RATE_LOGIN is None or not _usage(kind, key, rate, increment=True)["should_limit"]
