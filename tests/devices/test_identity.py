import pytest
from django.utils import timezone

from devices.identity import device_behind, known_tokens
from devices.services import delete_devices, revoke_token
from factory.trpc.call import STRANGER
from tests.builders import make_device, make_token


@pytest.fixture(autouse=True)
def _nothing_known():
    known_tokens.clear()


def five_seconds_later():
    known_tokens._good_until = 0.0


@pytest.mark.django_db
@pytest.mark.parametrize("devices", [1, 3])
def test_known_tokens_cost_nothing_and_every_few_seconds_one_query_for_all(
    devices, django_assert_num_queries
):
    tokens = {make_token(device): device for device in (make_device() for _ in range(devices))}
    five_seconds_later()
    for token in tokens:
        device_behind(token)

    with django_assert_num_queries(0):
        assert all(device_behind(token).principal.device_id == tokens[token].pk for token in tokens)
    five_seconds_later()
    with django_assert_num_queries(1):
        assert all(device_behind(token).principal.device_id == tokens[token].pk for token in tokens)


@pytest.mark.django_db
def test_a_token_that_has_ended_is_believed_for_a_few_seconds_at_most():
    stays, revoked, deleted = make_device(), make_device(), make_device()
    tokens = [make_token(device) for device in (stays, revoked, deleted)]
    for token in tokens:
        assert device_behind(token).principal is not None

    revoke_token(token=tokens[1], at=timezone.now())
    delete_devices(devices=[deleted])
    five_seconds_later()

    assert device_behind(tokens[0]).principal.device_id == stays.pk
    assert [device_behind(token) for token in tokens[1:]] == [STRANGER, STRANGER]


@pytest.mark.django_db
def test_what_is_no_token_of_ours_is_a_stranger_and_another_kind_of_text_is_nobody():
    assert device_behind("fdt_made-up") is STRANGER
    assert device_behind("a.b.c") is None
