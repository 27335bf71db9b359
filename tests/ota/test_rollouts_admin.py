"""Rollouts in the console: watched, stopped, resumed."""

import pytest
from django.urls import reverse

from ota.queries.rollouts import get_rollout
from tests.builders import make_user, sign_in
from tests.ota.rolling import advance, begin, make_plant, make_rollout, report

pytestmark = pytest.mark.django_db
LIST = "admin:ota_rollout_changelist"


@pytest.fixture
def admin(client):
    sign_in(client, make_user(role="admin", name="Mira"))
    return client


def act(client, action, *rollouts):
    data = {"action": action, "_selected_action": [rollout.pk for rollout in rollouts]}
    response = client.post(reverse(LIST), data, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_a_rollout_goes_through_its_life(admin):
    rollout = make_rollout(devices=make_plant(2))
    seen = []
    for action in ("start", "pause", "resume", "cancel"):
        act(admin, action, rollout)
        seen.append((get_rollout(rollout.pk).status, get_rollout(rollout.pk).paused_because))

    assert seen == [("running", ""), ("paused", "Paused by Mira."), ("running", ""), ("cancelled", "")]


def test_what_does_not_fit_is_told_and_the_others_go_on(admin):
    over, fresh = make_rollout(devices=make_plant(1), name="Autumn"), None
    act(admin, "cancel", over)
    fresh = make_rollout(devices=make_plant(1, prefix="more"), firmware=over.firmware)

    told = act(admin, "start", over, fresh)

    assert told == [
        f"Autumn: Rollout {over.pk} is cancelled: only one that has not begun can be started.",
        "Done for 1 of 2.",
    ]
    assert get_rollout(fresh.pk).status == "running"


def test_the_failed_are_done_again(admin):
    rollout = begin(devices=make_plant(2))
    report(rollout, "failed")

    act(admin, "retry", advance(rollout))

    assert get_rollout(rollout.pk).status == "running"


def test_its_page_says_where_the_devices_are_and_has_nothing_to_type_into(admin):
    rollout = begin(50, 100, devices=make_plant(4))

    page = admin.get(reverse("admin:ota_rollout_change", args=[rollout.pk])).content.decode()

    assert "2 planned, 2 deploying" in page
    assert 'name="status"' not in page


@pytest.mark.parametrize("rollouts", [1, 3])
def test_the_list_costs_the_same_for_any_number(admin, rollouts, django_assert_max_num_queries):
    firmware = None
    for number in range(rollouts):
        rollout = make_rollout(devices=make_plant(1, prefix=f"p{number}"), firmware=firmware)
        firmware = rollout.firmware

    with django_assert_max_num_queries(9):
        assert admin.get(reverse(LIST)).status_code == 200


@pytest.mark.parametrize("role", ["technician", "user"])
def test_nobody_but_admins_is_let_in(client, role):
    sign_in(client, make_user(role=role))

    assert client.get(reverse(LIST)).status_code == 302
