"""Addresses that carry their own right, as letters hold them: signed, so that nothing secret has to be kept.

Always at PUBLIC_URL: a request's own Host header may be anybody's. The token stands in the query, which neither
Django's log nor that of the proxy in our papers writes down.
"""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.urls import reverse


def address_with(page: str, content: dict[str, Any]) -> str:
    """The address of a page with this content, which only we can have written."""
    token = signing.dumps(content, salt=f"factory.accounts.{page}")
    return f"{settings.PUBLIC_URL}{reverse(page)}?{urlencode({'token': token})}"


def content_of(token: str, page: str) -> dict[str, Any] | None:
    """What we have written into the address of this page; None where it is not our hand."""
    try:
        return signing.loads(token, salt=f"factory.accounts.{page}")
    except signing.BadSignature:
        return None
