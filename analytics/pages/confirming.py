"""What has to be typed before something is done to a great many devices."""

from django.conf import settings
from django.http import HttpRequest


def must_type(count: int) -> bool:
    """Whether that many are too many for one press of a button."""
    return count > settings.BATCH_CONFIRM_ABOVE


def typed_number(request: HttpRequest, count: int) -> str:
    """What is wrong with the number that was typed to confirm; empty where none was needed, or it is right."""
    typed = request.POST.get("confirm", "").strip().replace(",", "")
    if not must_type(count) or typed == str(count):
        return ""
    return f"Type {count} here, so that nobody stops a plant by a slip."
