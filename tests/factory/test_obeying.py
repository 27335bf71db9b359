"""What simulated devices do when they are told to."""

from random import Random

from factory.demo.obeying import FAILURES, RESTART_SECONDS, USUAL_SECONDS, Obedience

ROUND = 1000


def test_a_command_is_acknowledged_takes_its_time_and_succeeds():
    device = Obedience(rng=Random(7))

    assert device.take({"id": 1, "name": "open_valve"}, now=10.0) == {"id": 1, "status": "acknowledged"}
    assert device.due(10.0 + USUAL_SECONDS / 2) == []
    assert device.due(10.0 + USUAL_SECONDS) == [{"id": 1, "status": "succeeded"}]
    assert device.due(1e9) == []


def test_one_that_comes_again_is_not_done_again():
    device = Obedience(rng=Random(7))
    command = {"id": 1, "name": "open_valve"}

    device.take(command, now=0.0)
    assert device.take(command, now=0.1) == {"id": 1, "status": "acknowledged"}
    assert len(device.due(1.0)) == 1
    assert device.take(command, now=2.0) == {"id": 1, "status": "succeeded"}
    assert device.due(1e9) == []


def test_a_restart_takes_longer():
    device = Obedience(rng=Random(7))
    device.take({"id": 1, "name": "restart"}, now=0.0)

    assert device.is_restarting()
    assert device.due(USUAL_SECONDS) == []
    assert device.due(RESTART_SECONDS) == [{"id": 1, "status": "succeeded"}]
    assert not device.is_restarting()


def test_the_share_that_was_asked_for_fails_with_a_reason():
    device = Obedience(failures=0.07, rng=Random(7))
    for number in range(ROUND):
        device.take({"id": number, "name": "open_valve"}, now=0.0)

    failed = [word for word in device.due(1.0) if word["status"] == "failed"]

    assert 40 <= len(failed) <= 100
    assert {word["result"]["error"] for word in failed} == set(FAILURES)
