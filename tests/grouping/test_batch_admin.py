import re

import pytest

from grouping.models import BatchOperation
from tests.builders import make_batch, make_device, make_group, make_user, sign_in
from tests.grouping.batching import answer, settle, work_off

pytestmark = pytest.mark.django_db
BATCHES, GROUPS = "/admin/grouping/batchoperation/", "/admin/grouping/group/"


@pytest.fixture(autouse=True)
def _boss(client):
    sign_in(client, make_user(role="admin"))


def failed_batch(devices=2):
    batch = make_batch(devices=[make_device() for _ in range(devices)])
    work_off(batch)
    answer(batch, "failed", result={"reason": "valve stuck"})
    return settle(batch)


def act(client, action, *batches):
    chosen = {"action": action, "_selected_action": [batch.pk for batch in batches]}
    response = client.post(BATCHES, chosen, follow=True)
    assert response.status_code == 200
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("batches", [1, 3])
def test_the_list_shows_how_each_stands_at_the_same_cost(client, batches, django_assert_num_queries):
    for _ in range(batches):
        failed_batch()
    client.get(BATCHES)

    with django_assert_num_queries(6):
        page = client.get(BATCHES)

    assert page.content.decode().count("2: 2 failed") == batches


def test_a_batch_is_looked_at_and_not_edited(client):
    batch = failed_batch(devices=3)

    page = client.get(f"{BATCHES}{batch.pk}/change/")
    assert page.content.decode().count("valve stuck") == 3
    assert "3: 3 failed" in page.content.decode()
    assert client.post(f"{BATCHES}{batch.pk}/change/", {"status": "completed"}).status_code == 403
    assert client.get(f"{BATCHES}add/").status_code == 403


def test_batches_are_cancelled_and_begun_again_from_the_list(client):
    running, over = make_batch(devices=[make_device()]), failed_batch()

    assert act(client, "cancel", running, over) == [
        f"Batch operation {over.pk} is failed: only one that is running can be cancelled.",
        "Batch operations cancelled: 1.",
    ]
    refused, done = act(client, "retry_failed", running, over)
    assert refused == (
        f"Batch operation {running.pk} is cancelled: only one that is over, and was not cancelled,"
        " can be done again."
    )
    assert done == "Batch operations begun again: 1."
    assert dict(BatchOperation.objects.values_list("pk", "status")) == {
        running.pk: "cancelled",
        over.pk: "in_progress",
    }


def hidden(page):
    return dict(re.findall(r'<input type="hidden" name="(confirm|key)" value="(\w+)"', page.content.decode()))


def test_all_devices_of_a_group_are_restarted_after_a_page_that_says_how_many(client):
    group = make_group(name="Hall B", devices=[make_device(status="online"), make_device()])
    url = f"{GROUPS}{group.pk}/restart"

    page = client.get(url, follow=True)
    words = page.content.decode()
    assert "Restart the 2 devices of Hall B" in words
    assert "the 1 that are offline" in words
    url = page.redirect_chain[-1][0] if page.redirect_chain else url
    form = hidden(page)
    assert form["confirm"] == "2"
    assert not BatchOperation.objects.exists()

    for _ in range(2):  # a double click
        told = client.post(url, form)
    batch = BatchOperation.objects.get()
    assert (told.status_code, told["Location"]) == (302, f"{BATCHES}{batch.pk}/change/")
    assert (batch.group, batch.total, batch.operation) == (group, 2, "restart")


def test_a_number_that_is_right_no_more_is_asked_anew(client):
    group = make_group(devices=[make_device()])
    page = client.get(f"{GROUPS}{group.pk}/restart", follow=True)
    url = page.redirect_chain[-1][0] if page.redirect_chain else f"{GROUPS}{group.pk}/restart"
    group.memberships.create(device=make_device())

    again = client.post(url, hidden(page))

    assert "this reaches 2 devices, not 1" in again.content.decode()
    assert hidden(again)["confirm"] == "2"
    assert not BatchOperation.objects.exists()


def test_past_a_size_the_number_is_typed(client, settings):
    settings.BATCH_CONFIRM_ABOVE = 1
    group = make_group(devices=[make_device(), make_device()])
    page = client.get(f"{GROUPS}{group.pk}/restart", follow=True)
    url = page.redirect_chain[-1][0] if page.redirect_chain else f"{GROUPS}{group.pk}/restart"

    assert hidden(page).keys() == {"key"}
    assert client.post(url, {**hidden(page), "confirm": ""}).status_code == 200
    assert not BatchOperation.objects.exists()
    assert client.post(url, {**hidden(page), "confirm": "2"}).status_code == 302


def test_a_group_without_devices_has_nothing_to_restart(client):
    group = make_group()

    page = client.get(f"{GROUPS}{group.pk}/restart", follow=True)
    assert "No device of this group can take part" in page.content.decode()
    assert client.get(f"{GROUPS}999/restart", follow=True).status_code == 200


def test_only_admins_get_here(client):
    group = make_group(devices=[make_device()])
    client.cookies.clear()
    sign_in(client, make_user(role="technician"))

    assert client.post(f"{GROUPS}{group.pk}/restart").status_code in {302, 403}
    assert not BatchOperation.objects.exists()
