"""Both embedded brokers let devices do what is theirs, and nothing else, and forget them when we do."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from devices import services
from devices.models import Credential, Device
from factory.broker.choice import mosquitto_program
from tests.factory.mqtt_clients import SERVICE, Client, answer_to, client, embedded_broker, let_in
from tests.services import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module", params=["mosquitto", "amqtt"])
def broker(request, tmp_path_factory, django_db_setup, django_db_blocker):
    if request.param == "mosquitto" and mosquitto_program() is None:
        pytest.skip("no mosquitto")
    with django_db_blocker.unblock(), embedded_broker(tmp_path_factory.mktemp("broker"), request.param) as it:
        yield it


@pytest.fixture
def make(broker):
    """Make devices that can connect: (device, token)."""

    def make_device() -> tuple[Device, str]:
        name = f"press-{uuid4().hex[:8]}"
        device, token = services.register_device(
            external_id=name, name=name, type="sensor", at=timezone.now()
        )
        wait_until(lambda: let_in(broker, name, token), what="a welcome", seconds=5)
        return device, token

    return make_device


@pytest.fixture
def service(broker):
    """Our own account, listening to everything."""
    with client(broker, SERVICE, broker.password, only_new=True) as ours:
        assert ours.code == 0
        yield ours.listen("factory/#")


def topic(device, rest):
    return f"factory/{device.external_id}/{rest}"


def as_device(broker, device, token, **options):
    return client(broker, device.external_id, token, **options)


def test_a_new_device_can_connect_within_two_seconds(broker):
    began = time.monotonic()
    _, token = services.register_device(external_id="new:1", name="x", type="sensor", at=timezone.now())
    _, token = services.register_device(external_id="new-1", name="x", type="sensor", at=timezone.now())

    wait_until(lambda: let_in(broker, "new-1", token), what="a welcome", seconds=5)

    assert time.monotonic() - began < 2.5


def test_a_device_is_heard_and_hears_what_is_for_it(broker, make, service):
    device, token = make()
    with as_device(broker, device, token) as press:
        press.listen(topic(device, "commands"))

        press.say(topic(device, "readings"), "23.5")
        service.say(topic(device, "commands"), "restart")

        assert service.hear() == (topic(device, "readings"), "23.5")
        assert press.hear() == (topic(device, "commands"), "restart")


@pytest.mark.parametrize("rest", ["readings", "status", "commands/ack", "ota/status", "config/reported"])
def test_a_device_publishes_to_each_of_its_topics(broker, make, service, rest):
    device, token = make()
    with as_device(broker, device, token) as press:
        press.say(topic(device, rest), "hello")

    assert service.hear() == (topic(device, rest), "hello")


def test_what_a_device_says_in_anothers_name_or_ours_reaches_nobody(broker, make, service):
    (device, token), (other, _) = make(), make()
    foreign = [
        topic(other, "readings"),
        topic(device, "commands"),
        topic(device, "readings/ack"),
        "factory/x",
    ]
    with as_device(broker, device, token) as press:
        for each in foreign:
            press.say(each, "mine")
        press.say(topic(device, "readings"), "last")

    assert service.hear_until(topic(device, "readings"), "last") == []


def test_a_device_hears_nothing_that_is_for_another(broker, make, service):
    (device, token), (other, _) = make(), make()
    wide = ["#", "+/+/commands", "factory/#", topic(other, "#"), topic(other, "commands"), topic(device, "#")]
    with as_device(broker, device, token) as press:
        for each in wide:
            press.listen(each)

        service.say(topic(other, "commands"), "not for you")
        service.say(topic(device, "commands"), "for you")

        heard = press.hear_until(topic(device, "commands"), "for you")
    assert heard == []


def test_a_device_gets_no_retained_message_of_another(broker, make, service):
    (device, token), (other, others_token) = make(), make()
    with as_device(broker, other, others_token) as neighbour:
        neighbour.say(topic(other, "status"), "online", retain=True)
    service.say(topic(device, "config"), "mine", retain=True)

    with as_device(broker, device, token) as press:
        press.listen("factory/+/status")
        press.listen(topic(device, "config"))

        assert press.hear() == (topic(device, "config"), "mine")
        service.say(topic(device, "commands"), "ping")
        assert press.messages.empty()
    service.say(topic(device, "config"), "", retain=True)


def test_a_will_in_anothers_name_reaches_nobody(broker, make, service):
    (device, token), (other, _) = make(), make()
    press = Client(broker, device.external_id, token, will=topic(other, "status"))
    press.drop()

    with as_device(broker, device, token, will=topic(device, "status")) as press:
        press.drop()

        assert service.hear_until(topic(device, "status"), "offline") == []


def test_a_will_is_told_when_the_device_drops(broker, make, service):
    device, token = make()
    press = Client(broker, device.external_id, token, will=topic(device, "status"))

    press.drop()

    assert service.hear() == (topic(device, "status"), "offline")


def test_strangers_and_wrong_passwords_are_refused(broker, make):
    (device, token), (_, others_token) = make(), make()

    assert not let_in(broker, device.external_id, "fdt_wrong")
    assert not let_in(broker, device.external_id, "")
    assert not let_in(broker, device.external_id, others_token)
    assert not let_in(broker, "nobody", token)
    assert not let_in(broker, SERVICE, token)
    assert not let_in(broker, "", "")


def test_a_strangers_try_leaves_a_connected_device_alone(broker, make, service):
    device, token = make()
    with as_device(broker, device, token, clean=False) as press:
        press.listen(topic(device, "commands"))
        assert answer_to(broker, device.external_id, "wrong", clean=True) != 0
        assert answer_to(broker, "nobody", "wrong", client_id=device.external_id) != 0

        service.say(topic(device, "commands"), "still there?")

        assert press.hear() == (topic(device, "commands"), "still there?")


def test_nobody_ends_another_by_using_its_client_id(broker, make, service):
    (device, token), (other, others_token) = make(), make()
    with as_device(broker, device, token) as press:
        press.listen(topic(device, "commands"))
        with client(broker, other.external_id, others_token, client_id=device.external_id):
            service.say(topic(device, "commands"), "you")

            assert press.hear() == (topic(device, "commands"), "you")
            assert not press.ended


def rotate(device, token):
    services.rotate_token(device=device, at=timezone.now())


def revoke(device, token):
    services.revoke_token(token=token, at=timezone.now())


def delete(device, token):
    services.delete_devices(devices=[device])


def expire(device, token):
    Credential.objects.filter(device=device).update(expires_at=timezone.now() + timedelta(seconds=1))


@pytest.mark.parametrize("end", [rotate, revoke, delete, expire])
def test_a_device_whose_token_has_ended_is_out_and_stays_out(broker, make, service, end):
    (device, token), (other, others_token) = make(), make()
    with (
        as_device(broker, device, token) as press,
        as_device(broker, other, others_token) as neighbour,
    ):
        name = device.external_id
        end(device, token)

        wait_until(lambda: press.ended, what="the end of the connection", seconds=6)
        assert not let_in(broker, name, token)
        assert not neighbour.ended
        assert not service.ended


def test_a_rotated_devices_new_token_is_good_within_two_seconds(broker, make):
    device, _ = make()
    began = time.monotonic()

    token = services.rotate_token(device=device, at=timezone.now())

    wait_until(lambda: let_in(broker, device.external_id, token), what="a welcome", seconds=5)
    assert time.monotonic() - began < 2.5


def test_a_newcomer_with_the_same_name_takes_over(broker, make, service):
    device, token = make()
    with as_device(broker, device, token) as former, as_device(broker, device, token) as press:
        wait_until(lambda: former.ended, what="the end of the former connection", seconds=5)
        press.listen(topic(device, "commands"))
        service.say(topic(device, "commands"), "you")

        assert press.hear() == (topic(device, "commands"), "you")


def test_what_comes_while_a_client_is_away_waits_for_it_in_order(broker, make, service):
    device, token = make()
    with as_device(broker, device, token, clean=False) as press:
        press.listen(topic(device, "commands"))
    for number in range(50):
        service.say(topic(device, "commands"), str(number))

    with as_device(broker, device, token, clean=False) as press:
        heard = [press.messages.get(timeout=5) for _ in range(50)]

    assert [int(message.payload) for message in heard] == list(range(50))
    assert not any(message.retain for message in heard)


def test_what_was_not_acknowledged_comes_again(broker, make, service):
    device, token = make()
    with as_device(broker, device, token, clean=False, by_hand=True) as press:
        press.listen(topic(device, "commands"))
        for number in range(5):
            service.say(topic(device, "commands"), str(number))
        first = press.messages.get(timeout=5)
        press.paho.ack(first.mid, first.qos)
        assert [press.hear()[1] for _ in range(4)] == ["1", "2", "3", "4"]
        press.drop()

    with as_device(broker, device, token, clean=False) as press:
        heard = [press.messages.get(timeout=5) for _ in range(4)]

    assert [message.payload.decode() for message in heard] == ["1", "2", "3", "4"]
    assert all(message.dup for message in heard)


def test_a_slow_acknowledgement_is_waited_for(broker, make, service):
    device, token = make()
    with as_device(broker, device, token, clean=False, by_hand=True) as press:
        press.listen(topic(device, "commands"))
        service.say(topic(device, "commands"), "slow")
        message = press.messages.get(timeout=5)
        time.sleep(6)
        press.drop()

    with as_device(broker, device, token, clean=False) as press:
        assert press.messages.get(timeout=5).payload == message.payload


def test_many_messages_at_once_all_arrive(broker, make, service):
    devices = [make() for _ in range(4)]
    for device, token in devices:
        with as_device(broker, device, token) as press:
            sent = [press.paho.publish(topic(device, "readings"), str(n), qos=1) for n in range(500)]
            for each in sent:
                each.wait_for_publish(20)

    heard = [service.hear() for _ in range(2000)]

    for device, _ in devices:
        numbers = [int(text) for where, text in heard if where == topic(device, "readings")]
        assert numbers == list(range(500))
