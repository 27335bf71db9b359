"""Links to the files of a report, good for the person who asked for it, for a day."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from factory.accounts.models import User

LIFETIME = timedelta(days=1)
_signer = Signer(salt="analytics.report")


def pdf_link(*, report_id: int, user: User, at: datetime) -> str:
    """Where a report's PDF is fetched without signing in again."""
    key = _signer.sign_object([report_id, user.pk, int((at + LIFETIME).timestamp())])
    return f"{settings.PUBLIC_URL}{reverse('report-file', args=[report_id, 'pdf'])}?key={key}"


def person_of_link(key: str, *, report_id: int, at: datetime) -> User | None:
    """The person a link was made for, if it is one to this report, not over, and they may still sign in."""
    try:
        about, user_id, until = _signer.unsign_object(key)
    except (BadSignature, ValueError, TypeError):
        return None
    if about != report_id or until < int(at.timestamp()):
        return None
    return User.objects.filter(pk=user_id, is_active=True).first()
