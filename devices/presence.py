"""What a device says of itself when it comes and goes: hello, and goodbye (which the broker says for the dead)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from devices.models import Device, Presence
from devices.queries import DeviceUnknown
from devices.services import go_offline, note_seen, welcome_back
from devices.services.firmware import note_running_versions


@dataclass(frozen=True, slots=True)
class Word:
    """`generation` counts a device's lives, so that the goodbye of an earlier one is known for what it is.

    `is_kept`: the broker kept it for whoever asks, so nobody knows when it was said.
    """

    is_online: bool
    generation: int | None = None
    firmware_version: str | None = None
    is_kept: bool = False


RESET_TAKES = timedelta(minutes=2)


@transaction.atomic
def hear_status(*, external_id: str, word: Word, at: datetime) -> bool:
    """A device says that it is there, or that it goes. False where that is no news."""
    device_id = (
        Device.objects.in_service().filter(external_id=external_id).values_list("pk", flat=True).first()
    )
    # Presences are locked before devices, as everywhere.
    presence = Presence.objects.select_for_update().filter(pk=device_id).first()
    if device_id is None or presence is None:
        raise DeviceUnknown(f"There is no device {external_id}.")
    if word.is_online:
        return _hello(presence, word, at=at)
    return _goodbye(presence, word, at=at)


def _hello(presence: Presence, word: Word, *, at: datetime) -> bool:
    if word.is_kept and not _is_later_life(presence, word):
        return False
    is_delayed = _is_delayed(presence, word, at=at)
    if word.generation is not None and not is_delayed:
        Presence.objects.filter(pk=presence.pk).update(generation=word.generation)
    note_seen(device_ids=[presence.pk], at=at)
    welcome_back([presence.pk], at=at)  # also one that was there all the time: it may have started anew
    if word.firmware_version and not is_delayed:
        versions = {presence.pk: word.firmware_version}
        note_running_versions(versions=versions, at=at, has_started_anew=_is_another_life(presence, word))
    return True


def _is_delayed(presence: Presence, word: Word, *, at: datetime) -> bool:
    """A hello of an earlier life that the broker delivered late, or again. A device that counts anew from the
    start, after a factory reset, has not been heard for a while."""
    return (
        _is_of_an_earlier_life(presence, word)
        and presence.last_seen_at is not None
        and at - presence.last_seen_at < RESET_TAKES
    )


def _is_another_life(presence: Presence, word: Word) -> bool:
    """Not merely another connection; without generations nobody knows, and it is taken for one."""
    return word.generation is None or word.generation != presence.generation


def _is_later_life(presence: Presence, word: Word) -> bool:
    """A kept hello is believed of a device never heard, or of a life that nobody has told us of."""
    if presence.last_seen_at is None:
        return True
    return word.generation is not None and (
        presence.generation is None or word.generation > presence.generation
    )


def _goodbye(presence: Presence, word: Word, *, at: datetime) -> bool:
    if word.is_kept:
        return False  # it may have reported since in any other way; if it has not, its silence will tell
    if _is_of_an_earlier_life(presence, word):
        return False
    Presence.objects.filter(pk=presence.pk).update(silent_at=None)
    return bool(go_offline([presence.pk], at=at, said_goodbye=True))


def _is_of_an_earlier_life(presence: Presence, word: Word) -> bool:
    if word.generation is None or presence.generation is None:
        return False
    return word.generation < presence.generation
