import pytest

from devices.models import Device
from devices.services import deactivate_devices
from grouping.models import Group
from tests.analytics.looking import NASTY, ROLES, make_alert, words
from tests.builders import make_device, make_group, make_threshold, make_user, sign_in

pytestmark = pytest.mark.django_db
FORM = {"name": "Line 1", "type": "production_line", "parent": "", "description": "", "filter": ""}


def test_the_tree_counts_each_device_once_and_says_how_they_are(client, mira):
    press, mixer, spare = make_device(status="online"), make_device(status="error"), make_device()
    plant = make_group(name="Plant", devices=[press])
    make_group(name="Hall", devices=[press, mixer, spare], parent=plant)
    make_alert(press)
    deactivate_devices(device_ids=[spare.pk], at=press.created_at)

    branches = client.get("/groups/").context["branches"]

    told = [(b.group.name, b.depth, b.total, b.alerts, b.in_error, b.mark.value) for b in branches]
    assert told == [("Plant", 0, 2, 1, 1, "critical"), ("Hall", 1, 2, 1, 1, "critical")]


def test_an_empty_plant_says_what_a_group_is(client, mira):
    assert "There is no group yet." in words(client.get("/groups/"))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "queries"), [("/groups/", 6), ("/groups/{}/", 20)])
def test_a_page_costs_the_same_for_any_number_of_groups_and_devices(
    client, mira, rows, path, queries, django_assert_num_queries
):
    group = make_group(devices=[make_device() for _ in range(rows)])
    for number in range(rows):
        make_group(devices=[make_device()], parent=group)
        make_threshold(group=group, metric=f"m{number}", max_value=1.0)

    with django_assert_num_queries(queries):
        assert client.get(path.format(group.pk)).status_code == 200


def test_a_large_group_is_shown_at_once_and_its_figures_follow(client, mira, settings):
    Device.objects.bulk_create(
        Device(external_id=f"d-{n}", name=f"D {n}", type="sensor") for n in range(1001)
    )
    group = make_group(devices=Device.objects.all())

    page, figures = client.get(f"/groups/{group.pk}/"), client.get(f"/groups/{group.pk}/figures")

    assert page.context["figures"] is None
    assert "of 1,001" in words(figures)


def test_an_operator_makes_a_group_inside_another(client, omar):
    hall = make_group(name="Hall")

    answer = client.post("/groups/new", {**FORM, "parent": hall.pk})

    group = Group.objects.get(name="Line 1")
    assert answer["Location"] == f"/groups/{group.pk}/"
    assert (group.parent, group.type) == (hall, "production_line")


def test_a_filter_puts_those_in_whom_it_finds(client, omar):
    pump = make_device(tags=["pump"])
    make_device()

    client.post("/groups/new", {**FORM, "filter": "tag = pump"})

    assert Group.objects.get().device_ids == [pump.pk]


def test_a_look_shows_who_matches_and_saves_nothing(client, omar):
    make_device(name="Press 3", tags=["pump"])
    make_device(name="Robot")

    answer = client.post("/groups/new", {**FORM, "filter": "tag = pump", "do": "preview"})

    assert "1 device matches now: Press 3." in words(answer)
    assert (answer.status_code, Group.objects.count()) == (200, 0)


@pytest.mark.parametrize("do", ["", "preview"])
def test_a_filter_that_cannot_be_read_says_where(client, omar, do):
    answer = client.post("/groups/new", {**FORM, "filter": "type = pump", "do": do})

    assert "t position 8:" in words(answer)
    assert not Group.objects.exists()


def test_a_name_that_is_taken_and_a_circle_are_said_at_their_fields(client, omar):
    outer = make_group(name="Outer")
    inner = make_group(name="Inner", parent=outer)

    taken = client.post("/groups/new", {**FORM, "name": "Outer"})
    circle = client.post(f"/groups/{outer.pk}/change", {**FORM, "name": "Outer", "parent": inner.pk})

    assert (taken.status_code, list(taken.context["form"].errors)) == (422, ["name"])
    assert (circle.status_code, list(circle.context["form"].errors)) == (422, ["parent"])


def test_a_group_is_moved_and_renamed(client, omar):
    hall, line = make_group(name="Hall"), make_group(name="Line")

    client.post(f"/groups/{line.pk}/change", {**FORM, "name": "Line 2", "parent": hall.pk})

    line.refresh_from_db()
    assert (line.name, line.parent) == ("Line 2", hall)


def test_devices_are_put_in_by_their_ids_and_taken_out_by_ticking(client, omar):
    first, second = make_device(external_id="press-1"), make_device(external_id="press-2")
    group = make_group()

    client.post(f"/groups/{group.pk}/members", {"devices": "press-1, press-2"})
    both = Group.objects.get().device_ids
    client.post(f"/groups/{group.pk}/members", {"do": "remove", "device": [first.pk]})

    assert (both, Group.objects.get().device_ids) == ([first.pk, second.pk], [second.pk])


def test_an_id_that_is_not_there_puts_nobody_in(client, omar):
    make_device(external_id="press-1")
    group = make_group()

    answer = client.post(f"/groups/{group.pk}/members", {"devices": "press-1 press-9"}, follow=True)

    assert "There is no device 'press-9'." in words(answer)
    assert group.device_ids == []


def test_deleting_says_what_goes_and_keeps_the_devices(client, boss):
    group = make_group(name="Hall", devices=[make_device()])
    make_threshold(group=group)

    asked = client.get(f"/groups/{group.pk}/delete")
    client.post(f"/groups/{group.pk}/delete")

    assert "Its 1 device stays. One threshold that is set for it goes with it" in words(asked)
    assert (Group.objects.count(), Device.objects.count()) == (0, 1)


def test_a_group_with_groups_inside_is_not_deleted(client, boss):
    outer = make_group()
    make_group(name="Inner", parent=outer)

    answer = client.post(f"/groups/{outer.pk}/delete")

    assert answer.status_code == 409
    assert "Move or delete them first." in words(answer)


def test_each_role_does_only_what_it_may(client):
    group = make_group(devices=[make_device()])
    may = {}
    for role in ROLES:
        sign_in(client, make_user(role=role))
        page = client.get(f"/groups/{group.pk}/").text
        shown = [word in page for word in ("/batches/new", "/change", "/delete")]
        paths = (
            "/groups/new",
            f"/groups/{group.pk}/change",
            f"/groups/{group.pk}/members",
            f"/groups/{group.pk}/delete",
        )
        allowed = [client.get(path).status_code not in (403,) for path in paths if "members" not in path]
        may[role] = (shown, allowed)

    assert may == {
        "user": ([False] * 3, [False] * 3),
        "operator": ([True, True, False], [True, True, False]),
        "technician": ([True, True, False], [True, True, False]),
        "admin": ([True] * 3, [True] * 3),
    }


def test_a_viewer_changes_no_members(client, mira):
    group = make_group()

    assert client.post(f"/groups/{group.pk}/members", {"devices": "x"}).status_code == 403


@pytest.mark.parametrize("path", ["", "change", "figures", "delete"])
def test_an_unknown_group_is_not_found(client, boss, path):
    assert client.get(f"/groups/99/{path}").status_code == 404


def test_hostile_names_are_text(client, boss):
    group = make_group(name=NASTY, description=NASTY, devices=[make_device(name=NASTY)])
    make_group(name=f"{NASTY} 2", parent=group)

    for path in (
        "/groups/",
        f"/groups/{group.pk}/",
        f"/groups/{group.pk}/change",
        f"/groups/{group.pk}/delete",
    ):
        assert NASTY not in client.get(path).text
