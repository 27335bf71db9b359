"""What devices say of their updates."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction

from devices.services.firmware import note_running_versions
from factory.errors import DomainError, Forbidden, InvalidInput
from factory.retrying import again_after_deadlock
from ota.models import Deployment, DeploymentEvent
from ota.queries.deployments import DeploymentUnknown
from ota.services.holding import hold_deployments, hold_devices
from ota.services.ledger import DeploymentMovedOn, Ledger
from ota.states import (
    ACTIVE,
    COMPLETED,
    DEVICE,
    DOWNLOADING,
    FAILED,
    INSTALLING,
    ROLLED_BACK,
    SAID_AT_THE_END,
    SAID_BY_DEVICES,
    VERSION,
    same_version,
    verdict,
)

VERSION_LENGTH = 64
MESSAGE_LENGTH = 500
ALL_DONE = 100
MOST_REMARKS = 20  # of one deployment, besides its steps


class ForeignDeployment(Forbidden):
    """It is of another device."""


@dataclass(frozen=True, slots=True)
class UpdateWord:
    """A device's word on how far its update is."""

    device_id: int
    deployment_id: int
    status: str
    progress: int | None = None
    error_message: str = ""
    running_version: str | None = None


def hear_update_status(*, word: UpdateWord, at: datetime) -> Deployment:
    """Take one word in; raises where it is refused."""
    (told,) = hear_update_statuses(words=[word], at=at)
    if isinstance(told, DomainError):
        raise told
    return told


def hear_update_statuses(*, words: Sequence[UpdateWord], at: datetime) -> list[Deployment | DomainError]:
    """Take words in, many in one transaction: for each the deployment as it is then, or why it was refused.

    Saying the present state again is fine. The version that a device runs outweighs what it says of the update.
    """
    return again_after_deadlock(partial(_hear, words, at=at)) if words else []


@transaction.atomic
def _hear(words: Sequence[UpdateWord], *, at: datetime) -> list[Deployment | DomainError]:
    problems = [_why_unusable(word) for word in words]
    usable = [word for word, problem in zip(words, problems, strict=True) if problem is None]
    # Devices come before deployments; those of whom this tells nothing are left alone.
    hold_devices(word.device_id for word in usable if word.running_version or word.status == COMPLETED)
    held = {each.pk: each for each in hold_deployments(word.deployment_id for word in usable)}
    ledger, remarks = Ledger(at=at), _Remarks(words, held)
    versions: dict[int, str] = {}
    beside_refused: dict[int, str] = {}
    told: list[Deployment | DomainError] = []
    for word, problem in zip(words, problems, strict=True):
        deployment = held.get(word.deployment_id) if problem is None else None
        refusal = problem or _why_refused(word, deployment)
        if refusal is None and deployment is not None:
            try:
                _take(word, deployment, ledger, remarks)
            except DeploymentMovedOn as moved_on:
                refusal = moved_on
                # The step is refused; what it runs is true all the same. Words from under way may be old ones
                # that the broker has delivered again, and say nothing of today.
                if word.running_version and word.status in SAID_AT_THE_END:
                    beside_refused[word.device_id] = word.running_version
        if refusal is not None or deployment is None:
            told.append(refusal or DeploymentUnknown(f"There is no deployment {word.deployment_id}."))
            continue
        if runs := _version_told(word, deployment):
            versions[word.device_id] = runs
        told.append(deployment)
    ledger.write()
    # Of words that came together, one that was taken says more than one that came too late.
    if versions := beside_refused | versions:
        note_running_versions(versions=versions, at=at)
    return told


def _why_unusable(word: UpdateWord) -> InvalidInput | None:
    if type(word.deployment_id) is not int or not 0 < word.deployment_id < 2**63:
        return InvalidInput.at("id", "must be the number of a deployment")
    if word.status not in SAID_BY_DEVICES:
        return InvalidInput.at("status", f"must be one of {', '.join(SAID_BY_DEVICES)}")
    if word.progress is not None and (type(word.progress) is not int or not 0 <= word.progress <= ALL_DONE):
        return InvalidInput.at("progress", f"must be an integer from 0 to {ALL_DONE}")
    if not isinstance(word.error_message, str) or len(word.error_message) > MESSAGE_LENGTH:
        return InvalidInput.at("errorMessage", f"must be a text of at most {MESSAGE_LENGTH} characters")
    return None if word.running_version is None else why_no_running_version(word.running_version)


def why_no_running_version(version: object) -> InvalidInput | None:
    """What is wrong with a version as a device tells it."""
    if isinstance(version, str) and 0 < len(version) <= VERSION_LENGTH and "\0" not in version:
        return None
    return InvalidInput.at("runningVersion", f"must be a text of 1 to {VERSION_LENGTH} characters")


def _why_refused(word: UpdateWord, deployment: Deployment | None) -> DomainError | None:
    if deployment is None:
        return DeploymentUnknown(f"There is no deployment {word.deployment_id}.")
    if deployment.device_id != word.device_id:
        return ForeignDeployment(f"Deployment {word.deployment_id} is of another device.")
    return None


class _Remarks:
    """What devices have noted of their updates: each thing once, and not without end."""

    def __init__(self, words: Sequence[UpdateWord], held: Mapping[int, Deployment]) -> None:
        self._said: dict[int, list[str]] = defaultdict(list)
        talkative = {word.deployment_id for word in words if word.error_message} & set(held)
        if talkative:
            events = DeploymentEvent.objects.filter(deployment__in=talkative, status__in=ACTIVE, by=None)
            for pk, said in events.exclude(said="").order_by("pk").values_list("deployment", "said"):
                self._said[pk].append(said)

    def is_worth_noting(self, deployment: Deployment, said: str) -> bool:
        before = self._said[deployment.pk]
        return len(before) < MOST_REMARKS and (not before or before[-1] != said)

    def note(self, deployment: Deployment, said: str) -> None:
        self._said[deployment.pk].append(said)


def _take(word: UpdateWord, deployment: Deployment, ledger: Ledger, remarks: _Remarks) -> None:
    new, said = _meant(word, deployment)
    progress = ALL_DONE if new != word.status else word.progress or 0
    if new == deployment.status:
        if new in ACTIVE:
            if said and deployment.progress < ALL_DONE and remarks.is_worth_noting(deployment, said):
                ledger.remark(deployment, said)
                remarks.note(deployment, said)
            ledger.advance(deployment, progress)
    else:
        ledger.take(deployment, new, by=DEVICE, said=said, progress=progress)
        if said and new in ACTIVE:
            remarks.note(deployment, said)
    if word.running_version and deployment.status in (DOWNLOADING, INSTALLING):
        end = verdict(
            status=deployment.status,
            deployed=deployment.firmware.version,
            previous=deployment.previous_version,
            running=word.running_version,
            has_started_anew=False,
        )
        if end is not None:
            ledger.take(deployment, end, by=VERSION, said=f"It runs {word.running_version}.")


def _meant(word: UpdateWord, deployment: Deployment) -> tuple[str, str]:
    """The state that the word amounts to, and what is noted of it."""
    deployed, running = deployment.firmware.version, word.running_version
    if word.status == COMPLETED and running and not same_version(running, deployed):
        said = f"The device runs {running} instead of {deployed}."
        return ROLLED_BACK, f"{said} {word.error_message}".strip()
    is_taken_at_its_word = running or not settings.OTA_REQUIRE_RUNNING_VERSION
    if (
        word.status == COMPLETED
        and not is_taken_at_its_word
        and deployment.status in (DOWNLOADING, INSTALLING)
    ):
        return INSTALLING, "The device says that it is done; which version it runs is not known yet."
    if word.status == FAILED:
        return FAILED, word.error_message or "The device says that it failed."
    if word.status == ROLLED_BACK:
        return ROLLED_BACK, word.error_message or "The device says that it went back to the version before."
    return word.status, word.error_message


def _version_told(word: UpdateWord, deployment: Deployment) -> str | None:
    """The version that the device runs by this word."""
    if word.running_version:
        return word.running_version
    return deployment.firmware.version if deployment.status == COMPLETED == word.status else None
