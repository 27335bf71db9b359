import pytest

from analytics.models import Line
from analytics.services.machines import drop_machine_profile, set_line
from grouping.services import remove_devices
from tests.analytics.looking import NASTY, ROLES, words
from tests.analytics.setting_up import make_machine
from tests.builders import NOON, make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db
LINES = "/oee/lines/"


@pytest.fixture
def stations():
    return [make_machine(make_device(name=name)) for name in ("Saw", "Press")]


@pytest.fixture
def line(stations):
    return make_group(name="Line 7", type="production_line", devices=[*stations, make_device(name="Lamp")])


def test_lines_come_first_and_then_the_groups_that_could_be_one(client, mira, stations, line):
    saw, press = stations
    make_group(name="Alone", devices=[saw])
    outer = make_group(name="Hall")
    line.parent = outer
    line.save(update_fields=["parent"])
    set_line(group=line, station=press)

    page = client.get(LINES)

    told = [
        (row.group.name, row.machines, str(row.station and row.station.name)) for row in page.context["rows"]
    ]
    assert told == [("Line 7", 2, "Press"), ("Hall", 2, "None")]
    assert "One group is a serial line." in words(page)
    assert "Hall Custom 2 all machines together" in words(page)


def test_a_station_that_has_left_speaks_no_more_and_the_page_says_so(client, mira, stations, line):
    saw, press = stations
    set_line(group=line, station=press)
    remove_devices(group=line, device_ids=[press.pk], at=NOON)
    left = words(client.get(LINES))
    set_line(group=line, station=saw)
    drop_machine_profile(device=saw)
    dropped = words(client.get(LINES))

    assert "Press is no machine in it any more until another one is chosen, all machines count" in left
    assert "Saw is no machine in it any more" in dropped


def test_an_empty_plant_says_what_to_do(client, mira):
    assert "No group has several machines in it." in words(client.get(LINES))


def test_a_technician_chooses_who_speaks_and_takes_it_back(client, tess, stations, line):
    _, press = stations
    form = client.get(f"{LINES}{line.pk}/").context["form"]
    offered = [label for _, label in form.fields["station"].widget.choices]

    chosen = client.post(f"{LINES}{line.pk}/", {"station": press.pk}, follow=True)
    station = Line.objects.get().station
    taken_back = client.post(f"{LINES}{line.pk}/", {"station": ""}, follow=True)

    assert offered == ["Nobody: it is no serial line", "Press", "Saw"]
    assert station == press
    assert "Press speaks for Line 7." in words(chosen)
    assert "Line 7 is no serial line." in words(taken_back)
    assert not Line.objects.exists()


def test_who_cannot_speak_for_it_is_said_at_the_field(client, tess, line):
    lamp, other = line.memberships.get(device__name="Lamp").device, make_machine(make_device(name="Robot"))
    refused = {}
    for asked in (lamp.pk, other.pk, 999, "x", "9" * 30):
        answer = client.post(f"{LINES}{line.pk}/", {"station": asked})
        assert answer.status_code == 422
        [refused[asked]] = answer.context["form"].errors["station"]

    assert refused == {
        lamp.pk: "Lamp has no machine profile",
        other.pk: "Robot is not in Line 7",
        999: "There is no such device.",
        "x": "There is no such device.",
        "9" * 30: "There is no such device.",
    }
    assert not Line.objects.exists()


def test_each_role_does_only_what_it_may(client, stations, line):
    may = {}
    for role in ROLES:
        sign_in(client, make_user(role=role))
        page = client.get(LINES).text
        posts = client.post(f"{LINES}{line.pk}/", {"station": stations[0].pk}).status_code
        may[role] = (f"/oee/lines/{line.pk}/" in page, client.get(f"{LINES}{line.pk}/").status_code, posts)

    assert may == {
        "user": (False, 403, 403),
        "operator": (False, 403, 403),
        "technician": (True, 200, 302),
        "admin": (True, 200, 302),
    }


def test_a_stranger_is_led_to_the_sign_in(client, line):
    for path in (LINES, f"{LINES}{line.pk}/"):
        assert client.get(path)["Location"] == f"/sign-in?next={path}"


def test_an_unknown_group_is_not_found(client, tess):
    assert client.get(f"{LINES}99/").status_code == 404


def test_names_are_text(client, tess):
    devices = [make_machine(make_device(name=NASTY)) for _ in range(2)]
    group = make_group(name=NASTY, devices=devices)
    set_line(group=group, station=devices[0])

    for path in (LINES, f"{LINES}{group.pk}/"):
        assert NASTY not in client.get(path).text


@pytest.mark.parametrize("rows", [1, 3])
def test_it_costs_the_same_for_any_number_of_lines(client, mira, rows, django_assert_num_queries):
    for _ in range(rows):
        devices = [make_machine(), make_machine()]
        set_line(group=make_group(devices=devices), station=devices[0])

    # the person, the open count, lines, machines, who is in which group, how groups nest, the groups
    with django_assert_num_queries(7):
        assert client.get(LINES).status_code == 200
