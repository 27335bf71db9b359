from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from alerts.models import Alert
from devices.models import Device
from devices.services import deactivate_devices, delete_devices
from factory.errors import Conflict, InvalidInput, NotFound
from ota.models import Deployment, DeploymentEvent
from ota.services.beginning import DeploymentUnderWay, DoesNotFit, NoWayBack, RunsItAlready, TooManyAttempts
from ota.services.deployments import (
    cancel_deployment,
    cancel_many,
    deploy,
    deploy_many,
    retry_deployment,
    retry_many,
    roll_back,
)
from ota.services.firmware import withdraw_firmware
from ota.services.ledger import DeploymentMovedOn
from ota.signals import EndedDeployment, deployments_ended
from tests.builders import NOON, make_device, make_firmware, make_user
from tests.ota.updating import go_silent, make_deployment, make_runner, runs, say, stands, steps_of

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def ended():
    """What rooms above were told."""
    told: list[EndedDeployment] = []

    def hear(sender, ended, **kwargs):
        told.extend(ended)

    deployments_ended.connect(hear)
    yield told
    deployments_ended.disconnect(hear)


def test_deploying_remembers_who_what_and_from_which_version():
    device, firmware, mira = (
        make_runner("1.0.0"),
        make_firmware(version="2.0.0"),
        make_user(role="technician"),
    )

    deployment = deploy(device=device, firmware=firmware, at=NOON, by=mira)

    deployment.refresh_from_db()
    assert (deployment.status, deployment.previous_version, deployment.active_key) == (
        "pending",
        "1.0.0",
        device.pk,
    )
    assert (deployment.created_by, deployment.push_at, deployment.attempts) == (mira, NOON, 1)
    assert list(DeploymentEvent.objects.values_list("status", "by", "at")) == [("pending", mira.pk, NOON)]


def test_a_device_that_is_away_is_told_on_its_return():
    device = make_runner()
    go_silent(device)

    assert deploy(device=device, firmware=make_firmware(), at=NOON).push_at is None


def test_a_second_update_of_a_device_is_refused():
    deployment = make_deployment()

    with pytest.raises(DeploymentUnderWay):
        deploy(device=deployment.device, firmware=make_firmware(), at=NOON)


def test_what_does_not_fit_is_refused_in_words():
    device = make_runner(type="sensor")

    with pytest.raises(DoesNotFit, match="is for gateways"):
        deploy(device=device, firmware=make_firmware(device_type="gateway"), at=NOON)
    with pytest.raises(RunsItAlready):
        deploy(device=make_runner("3.0.0"), firmware=make_firmware(version="3.0.0"), at=NOON)
    assert Deployment.objects.count() == 0


def test_withdrawn_versions_and_devices_out_of_service_are_refused():
    device, firmware = make_runner(), make_firmware()
    withdraw_firmware(firmware=firmware, because="it burns", by=make_user(role="admin"), at=NOON)
    firmware.refresh_from_db()

    with pytest.raises(InvalidInput, match="withdrawn"):
        deploy(device=device, firmware=firmware, at=NOON)
    deactivate_devices(device_ids=[device.pk], at=NOON)
    with pytest.raises(InvalidInput, match="out of service"):
        deploy(device=device, firmware=make_firmware(), at=NOON)


def test_many_are_told_one_by_one():
    good, busy, other = make_runner(), make_deployment().device, make_runner(type="gateway")
    firmware = make_firmware(version="5.0.0")

    told = deploy_many(
        device_ids=[good.pk, busy.pk, other.pk, 999_999], firmware=firmware, rollout=None, at=NOON
    )

    assert told == {
        good.pk: Deployment.objects.get(device=good),
        busy.pk: f"An update of {busy.name} is under way already.",
        other.pk: "firmwareVersionId: Version 5.0.0 is for sensors.",
        999_999: "deviceId: there is no device 999999",
    }


@pytest.mark.parametrize("many", [1, 3])
def test_many_cost_the_same(many, django_assert_num_queries):
    firmware = make_firmware()
    ids = [make_runner().pk for _ in range(many)]

    with django_assert_num_queries(11):
        deploy_many(device_ids=ids, firmware=firmware, rollout=None, at=NOON)


@pytest.mark.parametrize("status", ["pending", "downloading"])
def test_an_update_is_cancelled_while_that_is_safe(status, ended):
    deployment, mira = make_deployment(status=status), make_user()

    cancel_deployment(deployment=deployment, at=LATER, by=mira)

    deployment.refresh_from_db()
    assert (deployment.status, deployment.active_key, deployment.completed_at, deployment.push_at) == (
        "cancelled",
        None,
        LATER,
        None,
    )
    assert ended == [EndedDeployment(deployment.pk, deployment.device_id, None, "cancelled", "")]
    assert not Alert.objects.exists()


@pytest.mark.parametrize("status", ["installing", "completed", "failed"])
def test_later_it_cannot_be_cancelled(status):
    deployment = make_deployment(status=status)

    with pytest.raises(DeploymentMovedOn):
        cancel_deployment(deployment=deployment, at=LATER)
    assert cancel_many(deployment_ids=[deployment.pk], at=LATER) == set()
    assert stands(deployment)[0] == status


def test_what_failed_is_tried_again_up_to_three_times():
    deployment = make_deployment(status="failed")
    for attempt in (2, 3):
        retry_deployment(deployment=deployment, at=LATER)
        deployment.refresh_from_db()
        assert (deployment.status, deployment.attempts, deployment.active_key, deployment.error_message) == (
            "pending",
            attempt,
            deployment.device_id,
            "",
        )
        say(deployment, "failed", error_message="no room")

    with pytest.raises(TooManyAttempts):
        retry_deployment(deployment=deployment, at=LATER)
    assert retry_many(deployment_ids=[deployment.pk], at=LATER) == {
        deployment.pk: "3 attempts were made; deploy the version anew."
    }
    assert steps_of(deployment) == ["pending", "failed"] * 3


@pytest.mark.parametrize("status", ["pending", "downloading", "installing", "completed"])
def test_what_has_not_come_to_nothing_is_not_tried_again(status):
    with pytest.raises(Conflict, match="nothing to try again"):
        retry_deployment(deployment=make_deployment(status=status), at=LATER)


def test_nothing_is_tried_again_beside_another_update():
    failed = make_deployment(status="failed")
    make_deployment(failed.device)

    with pytest.raises(DeploymentUnderWay):
        retry_deployment(deployment=failed, at=LATER)


def test_rolling_back_deploys_the_version_before(ended):
    device, old = make_runner("1.0.0"), make_firmware(version="1.0.0")
    deployment = make_deployment(device, status="completed")
    ended.clear()

    new = roll_back(deployment=deployment, at=LATER)

    assert (new.firmware, new.status, new.previous_version) == (old, "pending", deployment.firmware.version)
    assert stands(deployment) == ("rolled_back", 100, "Back to 1.0.0.")
    assert [each.status for each in ended] == ["rolled_back"]
    assert not Alert.objects.exists()  # people wanted it


def test_a_device_that_writes_its_versions_with_a_v_is_rolled_back_too():
    old = make_firmware(version="1.0.0")
    deployment = make_deployment(make_runner("v1.0.0"), status="completed")

    assert roll_back(deployment=deployment, at=LATER).firmware == old


def test_there_is_no_way_back_to_a_version_without_a_file():
    deployment = make_deployment(status="completed")

    with pytest.raises(NoWayBack, match=r"no file of version 1\.0\.0"):
        roll_back(deployment=deployment, at=LATER)
    assert stands(deployment)[0] == "completed"


def test_what_is_not_completed_is_not_rolled_back():
    with pytest.raises(Conflict, match="only a completed one"):
        roll_back(deployment=make_deployment(status="downloading"), at=LATER)


def test_a_device_that_goes_out_of_service_is_updated_no_more():
    waiting, installing = make_deployment(), make_deployment(status="installing")

    deactivate_devices(device_ids=[waiting.device_id, installing.device_id], at=LATER)

    assert stands(waiting)[0] == "cancelled"
    assert stands(installing)[::2] == ("failed", "The device was taken out of service.")
    assert not Alert.objects.open().exists()


def test_deployments_go_with_their_device():
    deployment = make_deployment(status="completed")

    delete_devices(devices=[deployment.device])

    assert not Deployment.objects.exists()
    with pytest.raises(NotFound):
        retry_deployment(deployment=deployment, at=LATER)


def test_trouble_is_an_alert_that_grows_and_ends_with_the_next_success():
    deployment = make_deployment(status="installing")
    version = deployment.firmware.version
    say(deployment, "failed", error_message="bad checksum")

    alert = Alert.objects.get()
    assert (alert.type, alert.severity, alert.message) == (
        "firmware_update",
        "warning",
        f"The update to {version} failed: bad checksum",
    )

    retry_deployment(deployment=deployment, at=LATER)
    say(deployment, "downloading")
    say(deployment, "installing")
    runs(deployment.device, "1.0.0", at=LATER)
    alert.refresh_from_db()
    assert (alert.severity, alert.status) == ("critical", "active")

    retry_deployment(deployment=deployment, at=LATER)
    say(deployment, "downloading")
    say(deployment, "completed", running_version=version, at=LATER)
    alert.refresh_from_db()
    assert (alert.status, Alert.objects.count()) == ("resolved", 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_that_deploy_at_once_one_is_refused():
    devices = [make_runner() for _ in range(5)]
    versions = [make_firmware(version="6.0.0"), make_firmware(version="7.0.0")]
    outcomes: dict[int, list[str]] = {device.pk: [] for device in devices}
    start = Barrier(2)

    def work(firmware) -> None:
        try:
            start.wait(10)
            for device in devices:
                try:
                    deploy(device=device, firmware=firmware, at=NOON)
                    outcomes[device.pk].append("deployed")
                except Conflict as refusal:
                    outcomes[device.pk].append(refusal.code)
        finally:
            connection.close()

    threads = [Thread(target=work, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [sorted(each) for each in outcomes.values()] == [["CONFLICT", "deployed"]] * 5
    assert sorted(Deployment.objects.values_list("active_key", flat=True)) == sorted(outcomes)


@pytest.mark.django_db(transaction=True)
def test_of_a_cancel_and_a_word_at_once_one_wins_and_the_other_is_told():
    deployments = [make_deployment(make_runner(), status="downloading") for _ in range(5)]
    told: list[str] = []
    start = Barrier(2)

    def work(step) -> None:
        try:
            start.wait(10)
            for deployment in deployments:
                try:
                    step(deployment)
                except DeploymentMovedOn:
                    told.append("refused")
        finally:
            connection.close()

    steps = [
        lambda deployment: cancel_deployment(deployment=deployment, at=LATER),
        lambda deployment: say(deployment, "installing", at=LATER),
    ]
    threads = [Thread(target=work, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert told == ["refused"] * 5
    for deployment in deployments:
        assert steps_of(deployment) in (
            ["pending", "downloading", "cancelled"],
            ["pending", "downloading", "installing"],
        )


def test_a_device_without_a_version_can_be_updated_but_not_put_back():
    device = make_device()
    deployment = make_deployment(device, status="completed")

    assert Device.objects.get(pk=device.pk).firmware_version == deployment.firmware.version
    with pytest.raises(NoWayBack, match="Nobody knows"):
        roll_back(deployment=deployment, at=LATER)
