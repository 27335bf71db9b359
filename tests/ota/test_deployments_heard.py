"""What devices say of their updates, and what they run."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from alerts.models import Alert
from devices.models import Device, Presence
from devices.presence import Word, hear_status
from factory.errors import DomainError, InvalidInput
from ota.models import Deployment, DeploymentEvent
from ota.queries.deployments import DeploymentUnknown
from ota.services.deployments import deploy, retry_deployment
from ota.services.hearing import MOST_REMARKS, ForeignDeployment, UpdateWord, hear_update_statuses
from ota.services.ledger import DeploymentMovedOn
from tests.builders import NOON, make_firmware
from tests.ota.updating import make_deployment, make_runner, runs, say, stands, steps_of

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)


def version_of(device: Device) -> str:
    return Device.objects.get(pk=device.pk).firmware_version


def test_an_update_goes_its_way():
    deployment = make_deployment()
    version = deployment.firmware.version

    say(deployment, "downloading", progress=10)
    say(deployment, "downloading", progress=60)
    say(deployment, "installing", progress=5, at=LATER)
    say(deployment, "completed", running_version=version, at=LATER)

    deployment.refresh_from_db()
    assert (deployment.status, deployment.progress, deployment.active_key) == ("completed", 100, None)
    assert (deployment.started_at, deployment.completed_at) == (NOON, LATER)
    assert deployment.deadline_at == LATER + timedelta(days=1)
    assert version_of(deployment.device) == version
    assert steps_of(deployment) == ["pending", "downloading", "installing", "completed"]


def test_simple_devices_go_from_downloading_to_completed():
    deployment = make_deployment(status="downloading")

    say(deployment, "completed")

    assert stands(deployment)[0] == "completed"
    assert version_of(deployment.device) == deployment.firmware.version


def test_saying_the_same_again_changes_nothing():
    deployment = make_deployment(status="completed")

    say(deployment, "completed", at=LATER)

    deployment.refresh_from_db()
    assert (deployment.updated_at, len(steps_of(deployment))) == (NOON, 4)


def test_progress_only_grows_within_a_state():
    deployment = make_deployment()
    for progress in (40, 20, None, 50):
        say(deployment, "downloading", progress=progress)

    assert stands(deployment)[1] == 50
    assert stands(say(deployment, "installing"))[1] == 0


def notes_of(deployment: Deployment) -> list[str]:
    events = DeploymentEvent.objects.filter(deployment=deployment, status="downloading").order_by("pk")
    return list(events.values_list("said", flat=True))


def test_a_remark_is_noted_once_until_it_is_another():
    deployment = make_deployment()
    for remark in ("slow", "slow", "slow", "fast", "slow"):
        say(deployment, "downloading", error_message=remark)

    assert notes_of(deployment) == ["slow", "fast", "slow"]


@pytest.mark.parametrize("together", [True, False])
def test_remarks_have_an_end_and_progress_goes_on(together):
    deployment = make_deployment(status="downloading")
    words = [
        UpdateWord(deployment.device_id, deployment.pk, "downloading", each, f"remark {each}")
        for each in range(1, 51)
    ]

    for part in [words] if together else [[word] for word in words]:
        assert hear_update_statuses(words=part, at=LATER)[0] == deployment

    assert notes_of(deployment) == ["", *(f"remark {each}" for each in range(1, MOST_REMARKS + 1))]
    assert stands(deployment)[:2] == ("downloading", 50)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("pending", "installing"),
        ("pending", "completed"),
        ("installing", "downloading"),
        ("completed", "downloading"),
        ("completed", "failed"),
        ("failed", "completed"),
        ("downloading", "pending"),
    ],
)
def test_steps_that_are_in_no_table_are_refused(status, word):
    deployment = make_deployment(status=status)
    before = Deployment.objects.filter(pk=deployment.pk).values().get()

    with pytest.raises(DeploymentMovedOn, match=f"is {status}; it cannot become {word}"):
        say(deployment, word, at=LATER)

    assert Deployment.objects.filter(pk=deployment.pk).values().get() == before


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"status": "cancelled"}, "status"),
        ({"status": ""}, "status"),
        ({"progress": 101}, "progress"),
        ({"progress": -1}, "progress"),
        ({"progress": True}, "progress"),
        ({"progress": "10"}, "progress"),
        ({"error_message": "x" * 501}, "errorMessage"),
        ({"running_version": ""}, "runningVersion"),
        ({"running_version": "1" * 65}, "runningVersion"),
        ({"running_version": 2}, "runningVersion"),
        ({"deployment_id": "7"}, "id"),
        ({"deployment_id": 2**63}, "id"),
    ],
)
def test_bad_words_are_refused_by_name(said, field):
    deployment = make_deployment()
    word = UpdateWord(
        **{"device_id": deployment.device_id, "deployment_id": deployment.pk, "status": "downloading", **said}
    )

    (refusal,) = hear_update_statuses(words=[word], at=NOON)

    assert isinstance(refusal, InvalidInput)
    assert list(refusal.fields) == [field]
    assert stands(deployment)[0] == "pending"


def test_another_device_has_no_say():
    deployment, stranger = make_deployment(), make_runner()
    words = [
        UpdateWord(stranger.pk, deployment.pk, "failed"),
        UpdateWord(stranger.pk, 999_999, "failed"),
        UpdateWord(deployment.device_id, deployment.pk, "downloading"),
    ]

    told = hear_update_statuses(words=words, at=NOON)

    assert [type(each) for each in told] == [ForeignDeployment, DeploymentUnknown, Deployment]
    assert stands(deployment)[0] == "downloading"


def test_all_words_of_a_device_may_arrive_at_once():
    deployment = make_deployment()
    words = [
        UpdateWord(deployment.device_id, deployment.pk, *said)
        for said in (
            ("downloading", 0),
            ("downloading", 90),
            ("installing",),
            ("downloading", 95),
            ("completed",),
        )
    ]

    told = hear_update_statuses(words=words, at=NOON)

    assert [isinstance(each, DomainError) for each in told] == [False, False, False, True, False]
    assert steps_of(deployment) == ["pending", "downloading", "installing", "completed"]


@pytest.mark.parametrize("many", [1, 3])
def test_the_words_of_many_cost_the_same(many, django_assert_num_queries):
    firmware = make_firmware(version="9.0.0")
    words = [
        UpdateWord(each.device_id, each.pk, "completed", running_version="9.0.0")
        for each in [
            make_deployment(make_runner(), status="installing", firmware=firmware) for _ in range(many)
        ]
    ]

    with django_assert_num_queries(22):
        hear_update_statuses(words=words, at=NOON)

    assert Deployment.objects.filter(status="completed").count() == many


# What it runs


@pytest.mark.parametrize("status", ["downloading", "installing", "completed"])
def test_completed_with_another_version_is_rolled_back(status):
    deployment = make_deployment(status=status)

    say(deployment, "completed", running_version="1.0.0", error_message="slot B is bad", at=LATER)

    assert stands(deployment)[::2] == (
        "rolled_back",
        f"The device runs 1.0.0 instead of {deployment.firmware.version}. slot B is bad",
    )
    assert version_of(deployment.device) == "1.0.0"
    assert Alert.objects.get().severity == "critical"


def test_a_refused_word_of_the_end_still_tells_what_runs():
    deployment = make_deployment(status="completed")

    with pytest.raises(DeploymentMovedOn, match="cannot become failed"):
        say(deployment, "failed", running_version="1.0.0", at=LATER)

    assert stands(deployment)[0] == "rolled_back"
    assert version_of(deployment.device) == "1.0.0"


@pytest.mark.parametrize("word", ["installing", "downloading", "pending"])
def test_a_word_from_under_way_that_is_delivered_again_rolls_nothing_back(word):
    deployment = make_deployment(status="completed")
    before = version_of(deployment.device)

    with pytest.raises(DeploymentMovedOn, match=f"cannot become {word}"):
        say(deployment, word, running_version="1.0.0", at=LATER)

    assert (stands(deployment)[0], version_of(deployment.device)) == ("completed", before)


def test_a_completed_that_comes_too_late_still_tells_what_runs():
    deployment = make_deployment(status="failed")
    version = deployment.firmware.version

    with pytest.raises(DeploymentMovedOn):
        say(deployment, "completed", running_version=version, at=LATER)

    assert (stands(deployment)[0], version_of(deployment.device)) == ("failed", version)


def test_what_a_stranger_says_it_runs_beside_a_refused_word_tells_nothing():
    deployment, stranger = make_deployment(status="completed"), make_runner("1.0.0")

    (refusal,) = hear_update_statuses(
        words=[UpdateWord(stranger.pk, deployment.pk, "failed", running_version="0.1.0")], at=LATER
    )

    assert isinstance(refusal, ForeignDeployment)
    assert (stands(deployment)[0], version_of(stranger)) == ("completed", "1.0.0")


def test_of_words_that_come_together_a_refused_one_does_not_outweigh_one_that_is_taken():
    deployment = make_deployment(status="installing")
    version = deployment.firmware.version
    words = [
        UpdateWord(deployment.device_id, deployment.pk, status, running_version=runs_then)
        for status, runs_then in (("completed", version), ("downloading", "1.0.0"))
    ]

    told = hear_update_statuses(words=words, at=LATER)

    assert [type(each) for each in told] == [Deployment, DeploymentMovedOn]
    assert (stands(deployment)[0], version_of(deployment.device)) == ("completed", version)


@pytest.mark.parametrize("status", ["pending", "downloading", "installing"])
def test_the_deployed_version_heard_completes_the_update(status):
    deployment = make_deployment(status=status)

    runs(deployment.device, deployment.firmware.version, at=LATER, anew=False)

    assert stands(deployment)[0] == "completed"


def test_the_old_version_after_a_start_ends_an_installation():
    deployment = make_deployment(status="installing")

    runs(deployment.device, "1.0.0", at=LATER, anew=False)
    assert stands(deployment)[0] == "installing"
    runs(deployment.device, "1.0.0", at=LATER)

    assert stands(deployment)[::2] == (
        "rolled_back",
        f"The device runs 1.0.0 instead of {deployment.firmware.version}.",
    )


def test_a_download_that_lost_its_power_goes_on():
    deployment = make_deployment(status="downloading")

    runs(deployment.device, "1.0.0", at=LATER)

    assert stands(deployment)[0] == "downloading"


def test_the_old_version_within_the_health_window_means_rolled_back():
    deployment = make_deployment(status="completed")

    runs(deployment.device, "1.0.0", at=NOON + timedelta(hours=23), anew=False)

    assert stands(deployment)[0] == "rolled_back"
    assert Alert.objects.get().severity == "critical"


def test_what_was_said_before_the_completion_proves_nothing():
    deployment = make_deployment(status="installing")
    say(deployment, "completed", at=LATER)

    runs(deployment.device, "1.0.0", at=NOON)

    assert stands(deployment)[0] == "completed"


def test_going_back_by_another_update_is_no_roll_back():
    old = make_firmware(version="1.0.0")
    first = make_deployment(status="completed")
    second = deploy(device=first.device, firmware=old, at=NOON)
    say(second, "downloading")
    say(second, "completed", running_version="1.0.0", at=LATER)
    runs(first.device, "1.0.0", at=LATER)

    assert (stands(first)[0], stands(second)[0]) == ("completed", "completed")


@pytest.mark.parametrize("said", [True, False])
def test_an_older_update_that_succeeds_when_tried_again_rolls_no_newer_one_back(said):
    device = make_runner("1.0.0")
    older = make_deployment(device, status="failed", firmware=make_firmware(version="1.5.0"))
    newer = make_deployment(device, status="completed", firmware=make_firmware(version="2.0.0"))
    retry_deployment(deployment=older, at=LATER)
    say(older, "downloading", at=LATER)
    if said:
        say(older, "completed", running_version="1.5.0", at=LATER)
    else:
        runs(device, "1.5.0", at=LATER)

    assert (stands(older)[0], stands(newer)[0]) == ("completed", "completed")
    newer.refresh_from_db()
    assert newer.deadline_at is None
    assert not Alert.objects.filter(severity="critical").exists()
    # From then on it is the older one that is listened for.
    runs(device, "1.0.0", at=LATER + timedelta(minutes=1))
    assert (stands(older)[0], stands(newer)[0]) == ("rolled_back", "completed")


def test_a_device_that_falls_back_while_the_next_update_waits_is_noticed():
    first = make_deployment(status="completed")
    second = deploy(
        device=Device.objects.get(pk=first.device_id), firmware=make_firmware(version="8.0.0"), at=NOON
    )

    runs(first.device, "1.0.0", at=LATER)

    assert (stands(first)[0], stands(second)[0]) == ("rolled_back", "pending")


def test_where_versions_are_required_a_bare_completed_waits_for_one(settings):
    settings.OTA_REQUIRE_RUNNING_VERSION = True
    deployment = make_deployment(status="downloading")

    for _ in range(2):
        say(deployment, "completed", at=LATER)
    assert stands(deployment)[:2] == ("installing", 100)
    assert version_of(deployment.device) == "1.0.0"
    runs(deployment.device, deployment.firmware.version, at=LATER)

    assert stands(deployment)[0] == "completed"
    assert steps_of(deployment) == ["pending", "downloading", "installing", "completed"]


def hello(deployment: Deployment, version: str, generation: int | None) -> None:
    word = Word(is_online=True, generation=generation, firmware_version=version)
    hear_status(external_id=deployment.device.external_id, word=word, at=LATER)


def test_a_hello_tells_the_version_and_a_new_life_of_the_old_one_a_roll_back():
    deployment = make_deployment(status="installing")
    Presence.objects.filter(pk=deployment.device_id).update(generation=7)

    hello(deployment, "1.0.0", 7)  # only its connection is new
    assert stands(deployment)[0] == "installing"
    hello(deployment, "1.0.0", 8)

    assert stands(deployment)[0] == "rolled_back"


def test_a_hello_with_the_new_version_completes():
    deployment = make_deployment(status="installing")

    hello(deployment, deployment.firmware.version, None)

    assert stands(deployment)[0] == "completed"
    assert version_of(deployment.device) == deployment.firmware.version


@pytest.mark.django_db(transaction=True)
def test_words_and_hellos_of_many_at_once_leave_each_update_with_one_end():
    deployments = [make_deployment(make_runner(), status="installing") for _ in range(6)]
    failures: list[Exception] = []
    start = Barrier(3)

    def work(step) -> None:
        try:
            start.wait(10)
            step()
        except Exception as failure:
            failures.append(failure)
        finally:
            connection.close()

    def words() -> None:
        hear_update_statuses(
            words=[UpdateWord(each.device_id, each.pk, "completed") for each in reversed(deployments)],
            at=LATER,
        )

    def hellos() -> None:
        for each in deployments:
            hello(each, "1.0.0", None)

    threads = [Thread(target=work, args=(step,)) for step in (words, hellos, hellos)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    for each in deployments:
        ends = [step for step in steps_of(each) if step not in ("pending", "downloading", "installing")]
        assert ends in (["completed"], ["rolled_back"], ["completed", "rolled_back"])
        assert stands(each)[0] == ends[-1]
