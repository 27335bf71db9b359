import re
from html import unescape

import pytest

from devices.services import set_command_type
from grouping.models import BatchItem, BatchOperation
from grouping.services import add_devices, cancel_batch
from tests.analytics.looking import NASTY, ROLES, words
from tests.builders import make_batch, make_device, make_group, make_user, sign_in
from tests.grouping.batching import answer as answer_commands
from tests.grouping.batching import operation, settle, work_off

pytestmark = pytest.mark.django_db


def hidden(page) -> dict[str, str]:
    """What the first form of the main part carries on."""
    form = page.text[page.text.index("<main") :]
    form = form[max(0, form.index('name="step"') - 900) : form.index("</form>")]
    return {
        name: unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }


def look(client, who: dict, operation: str, **values):
    return client.post("/batches/new", {**who, "operation": operation, "step": "look", **values})


def start(client, looked, **more):
    return client.post("/batches/new", {**hidden(looked), **more})


@pytest.fixture
def hall():
    return make_group(
        name="Hall", devices=[make_device(name=f"Press {n}", status="online") for n in range(3)]
    )


def test_the_three_steps_begin_a_batch(client, omar, hall):
    chosen = client.get(f"/batches/new?group={hall.pk}")
    filled = client.post("/batches/new", {"group": hall.pk, "operation": "restart", "step": "fill"})
    looked = look(client, {"group": hall.pk}, "restart", ttl="900")
    nothing_yet = BatchOperation.objects.count()

    begun = start(client, looked)

    batch = BatchOperation.objects.get()
    assert "3 devices now." in words(chosen)
    assert "For the 3 devices of Hall." in words(filled)
    assert "Restart: 3 devices of Hall" in words(looked)
    assert nothing_yet == 0
    assert begun["Location"] == f"/batches/{batch.pk}/"
    assert (batch.operation, batch.group, batch.total, batch.created_by) == ("restart", hall, 3, omar)
    assert batch.parameters["ttlSeconds"] == 900


def test_pressed_twice_it_is_one_batch(client, omar, hall):
    looked = look(client, {"group": hall.pk}, "restart")

    answers = {start(client, looked)["Location"] for _ in range(2)}

    assert (len(answers), BatchOperation.objects.count()) == (1, 1)


def test_the_look_names_who_is_out_who_is_away_and_why(client, omar):
    set_command_type(name="dose", device_type="actuator", schema={})
    set_command_type(name="dose", device_type="sensor", schema={}, enabled=False)
    there = make_device(name="Doser", type="actuator", status="online")
    away = make_device(name="Far doser", type="actuator")
    other = make_device(name="Thermometer", type="sensor")

    page = look(client, {"devices": f"{there.pk}-{other.pk}"}, "command:dose", name="dose", parameters="{}")

    preview = page.context["preview"]
    assert (preview.eligible, preview.offline) == ([there.pk, away.pk], 1)
    assert [(name) for _, name, _ in preview.excluded] == ["Thermometer"]
    assert "dose is switched off for devices of type sensor" in words(page)


def test_above_a_size_the_number_is_to_be_typed(client, omar, hall, settings):
    settings.BATCH_CONFIRM_ABOVE = 2
    looked = look(client, {"group": hall.pk}, "restart")

    refused = start(client, looked, confirm="2")
    there = BatchOperation.objects.count()
    start(client, looked, confirm="3")

    assert "Type 3 here" in words(refused)
    assert (refused.status_code, there, BatchOperation.objects.count()) == (422, 0, 1)


def test_who_joined_since_the_look_makes_it_be_looked_at_again(client, omar, hall):
    looked = look(client, {"group": hall.pk}, "restart")
    add_devices(group=hall, device_ids=[make_device().pk], at=hall.created_at)

    refused = start(client, looked)

    assert (refused.status_code, BatchOperation.objects.count()) == (409, 0)
    assert "It was not begun." in words(refused)
    assert "Restart: 4 devices of Hall" in words(refused)


@pytest.mark.parametrize(
    ("chosen", "values", "parameters"),
    [
        ("update_status", {"status": "maintenance"}, {"status": "maintenance"}),
        ("update_config", {"desired": '{"a": 1}', "how": "merge"}, {"desired": {"a": 1}, "merge": True}),
        ("update_config", {"desired": '{"a": 1}', "how": "replace"}, {"desired": {"a": 1}, "merge": False}),
        ("command:-", {"name": "dance", "parameters": '{"b": 2}'}, {"name": "dance", "parameters": {"b": 2}}),
    ],
)
def test_each_operation_has_its_form(client, omar, hall, chosen, values, parameters):
    start(client, look(client, {"group": hall.pk}, chosen, **values))

    assert BatchOperation.objects.get().parameters == parameters


@pytest.mark.parametrize(
    ("chosen", "values", "field"),
    [
        ("update_status", {"status": "asleep"}, "status"),
        ("update_config", {"desired": "{", "how": "merge"}, "desired"),
        ("update_config", {"desired": "{}", "how": "merge"}, "desired"),
        ("command:-", {"name": "no name", "parameters": "{}"}, "name"),
        ("command:-", {"name": "dance", "parameters": "7"}, "parameters"),
        ("restart", {"ttl": "7"}, "ttl"),
    ],
)
def test_what_cannot_be_done_is_said_at_its_field(client, omar, hall, chosen, values, field):
    page = look(client, {"group": hall.pk}, chosen, **values)

    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])


@pytest.mark.parametrize(
    "form",
    [
        {"step": "fill"},
        {"step": "fill", "operation": "restart"},
        {"step": "look", "operation": "restart", "group": "999"},
        {"step": "start", "operation": "restart", "devices": "x"},
    ],
)
def test_without_who_or_what_it_asks_again(client, omar, hall, form):
    page = client.post("/batches/new", form)

    assert page.status_code == 422
    assert "Choose w" in words(page)


@pytest.mark.parametrize(
    "broken", [{"parameters": "{"}, {"parameters": "[]"}, {"count": "many"}, {"parameters": "[" * 99_999}]
)
def test_a_broken_start_begins_nothing(client, omar, hall, broken):
    looked = look(client, {"group": hall.pk}, "restart")

    page = start(client, looked, **broken)

    assert (page.status_code, BatchOperation.objects.count()) == (200, 0)


def test_what_only_technicians_may_do_is_not_offered_to_operators(client, omar, hall):
    with operation("firmware_update", carry_out=lambda items, batch, at: {}):
        offered = [choice.name for choice in client.get("/batches/new").context["choices"]]
        refused = look(client, {"group": hall.pk}, "firmware_update", parameters="{}")
        sign_in(client, make_user(role="technician"))
        more = [choice.name for choice in client.get("/batches/new").context["choices"]]

    assert "firmware_update" not in offered
    assert refused.status_code == 422
    assert "firmware_update" in more


# The live page


@pytest.fixture
def half_failed(hall):
    batch = make_batch(group=hall)
    work_off(batch)
    items = list(batch.items.order_by("pk"))
    answer_commands(batch, "failed", devices=[items[2].device_id], result={"error": NASTY})
    return batch


def test_the_page_says_how_far_it_is_and_shows_the_failed_first(client, mira, half_failed):
    page = client.get(f"/batches/{half_failed.pk}/")

    assert "Restart: 1 of 3 are over" in words(page)
    assert [item.status for item in page.context["rows"]] == ["failed", "waiting", "waiting"]
    assert 'data-channels="alerts batch:' in page.text
    assert NASTY not in page.text


def test_a_state_stands_in_the_address(client, mira, half_failed):
    page = client.get(f"/batches/{half_failed.pk}/?status=waiting")

    assert [item.status for item in page.context["rows"]] == ["waiting", "waiting"]
    assert client.get(f"/batches/{half_failed.pk}/?status=nonsense&page=x").status_code == 200


def test_the_failed_are_tried_again_and_nobody_else(client, omar, half_failed):
    answer_commands(half_failed)
    settle(half_failed)

    client.post(f"/batches/{half_failed.pk}/retry")

    tries = half_failed.items.order_by("pk").values_list("status", "attempt")
    assert list(tries) == [("succeeded", 1), ("succeeded", 1), ("pending", 2)]


def test_cancelling_ends_it_and_says_so_once(client, omar, half_failed):
    client.post(f"/batches/{half_failed.pk}/cancel")
    again = client.post(f"/batches/{half_failed.pk}/cancel", follow=True)

    half_failed.refresh_from_db()
    assert half_failed.status == "cancelled"
    assert "only one that is running can be cancelled" in words(again)


def test_only_those_steer_who_may_begin_it(client, half_failed):
    may = {}
    for role in ROLES:
        sign_in(client, make_user(role=role))
        page = client.get(f"/batches/{half_failed.pk}/").text
        may[role] = [
            "/cancel" in page,
            client.get("/batches/new").status_code,
            "/batches/new" in client.get("/batches/").text,
        ]
    sign_in(client, make_user())
    refused = [client.post(f"/batches/{half_failed.pk}/{step}").status_code for step in ("cancel", "retry")]
    refused.append(client.post("/batches/new", {"step": "start"}).status_code)

    assert may == {
        "user": [False, 403, False],
        "operator": [True, 200, True],
        "technician": [True, 200, True],
        "admin": [True, 200, True],
    }
    assert refused == [403, 403, 403]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "queries"), [("/batches/", 6), ("/batches/{}/", 8)])
def test_a_page_costs_the_same_for_any_number_of_rows(
    client, mira, rows, path, queries, django_assert_num_queries
):
    for _turn in range(rows):
        batch = make_batch(devices=[make_device() for _ in range(rows + 1)], at=make_device().created_at)
    work_off(batch)

    with django_assert_num_queries(queries):
        assert client.get(path.format(batch.pk)).status_code == 200


def test_the_list_is_narrowed_by_state_and_group(client, mira, hall):
    first = make_batch(group=hall)
    other = make_batch(devices=[make_device()])
    cancel_batch(batch=other, at=other.created_at)

    def listed(query: str) -> list[int]:
        return [one.batch.pk for one in client.get(f"/batches/{query}").context["told"]]

    assert listed("") == [other.pk, first.pk]
    assert listed(f"?group={hall.pk}") == [first.pk]
    assert listed("?status=cancelled") == [other.pk]
    assert listed("?status=nonsense&group=nonsense") == [other.pk, first.pk]


def test_the_parts_of_the_bar_add_up(client, mira, hall):
    batch = make_batch(group=hall)
    statuses = ["succeeded", "failed", "waiting"]
    for item, status in zip(batch.items.all(), statuses, strict=True):
        BatchItem.objects.filter(pk=item.pk).update(status=status)

    segments = client.get(f"/batches/{batch.pk}/").context["told"].segments

    assert sum(segment.count for segment in segments) == 3
    assert segments[-1].start + segments[-1].width == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize("path", ["/batches/99/", "/batches/99999999999999999999999/"])
def test_an_unknown_batch_is_not_found(client, mira, path):
    assert client.get(path).status_code == 404
