import re
from html import unescape

import pytest

from devices.models import Device
from devices.services import deactivate_devices
from grouping.models import BatchOperation
from grouping.services import delete_group
from tests.analytics.looking import NASTY, ROLES, words
from tests.builders import NOON, make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db


def names(client, query: str = "") -> list[str]:
    answer = client.get(f"/devices/{query}")
    return re.findall(r'class="row-link"[^>]*>([^<]+)<small>', answer.text)


def heads(client, query: str = "") -> list[str]:
    return [
        unescape(head)
        for head in re.findall(r'class="sort"[^>]*>([^<]+)<', client.get(f"/devices/{query}").text)
    ]


@pytest.fixture
def floor():
    """Three devices that differ in everything."""
    return [
        make_device(name="Mixer", type="sensor", zone="Hall B", tags=["wet"], firmware_version="2.10"),
        make_device(name="Press", type="controller", zone="Hall A", tags=["loud"], firmware_version="2.9"),
        make_device(name="Robot", type="gateway", zone="", status="maintenance", location="Row 1"),
    ]


# Narrowing


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Mixer", "Press", "Robot"]),
        ("?search=mix", ["Mixer"]),
        ("?status=maintenance", ["Robot"]),
        ("?type=controller", ["Press"]),
        ("?zone=Hall+A", ["Press"]),
        ("?zone=", ["Robot"]),
        ("?search=&zone=&status=&type=&tag=&filter=&deactivated=", ["Mixer", "Press", "Robot"]),
        ("?tag=wet", ["Mixer"]),
        ("?filter=firmware+>+2.9", ["Mixer"]),
        ("?filter=type+in+(sensor,gateway)&search=rob", ["Robot"]),
        (
            "?status=nonsense&type=nonsense&group=nonsense&group=-1&page=nonsense&sort=--name",
            ["Mixer", "Press", "Robot"],
        ),
    ],
)
def test_each_filter_stands_in_the_address(client, mira, floor, query, found):
    assert names(client, query) == found


def test_a_group_narrows_to_those_in_it_and_in_those_inside_it(client, mira, floor):
    outer = make_group(devices=[floor[0]])
    make_group(devices=[floor[1]], parent=outer)

    assert names(client, f"?group={outer.pk}") == ["Mixer", "Press"]


def test_a_filter_that_cannot_be_read_lists_nobody_and_says_where(client, mira, floor):
    answer = client.get("/devices/?filter=type+%3D+pump")

    assert answer.status_code == 200
    assert 'id="filter-error"' in answer.text
    assert "At position 8:" in words(answer)
    assert names(client, "?filter=type+%3D+pump") == []


def test_what_is_out_of_service_has_a_list_of_its_own(client, mira, floor):
    deactivate_devices(device_ids=[floor[0].pk], at=NOON)

    assert names(client) == ["Press", "Robot"]
    assert names(client, "?deactivated=1") == ["Mixer"]


def test_a_hostile_name_and_filter_are_text(client, mira):
    make_device(name=NASTY, zone=NASTY, tags=[NASTY])

    answer = client.get("/devices/", {"filter": NASTY, "search": NASTY, "tag": NASTY})

    assert NASTY not in answer.text


# Columns and order


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("-name", ["Robot", "Press", "Mixer"]),
        ("zone", ["Robot", "Press", "Mixer"]),
        ("-zone", ["Mixer", "Press", "Robot"]),
        ("type", ["Press", "Robot", "Mixer"]),
        ("status", ["Robot", "Mixer", "Press"]),
    ],
)
def test_a_column_sorts_both_ways(client, mira, floor, sort, found):
    assert names(client, f"?sort={sort}") == found


def test_a_head_says_how_the_list_is_sorted_and_turns_it_round(client, mira, floor):
    page = client.get("/devices/?sort=zone&search=&page=1").text

    assert re.findall(r'aria-sort="(\w+)"', page) == ["ascending"]
    assert 'href="?sort=-zone&amp;search="' in page


def test_the_columns_of_an_address_are_shown_and_those_chosen_are_remembered(client, mira, floor):
    usual = heads(client)

    assert heads(client, "?col=zone&col=place&col=nonsense") == ["Device", "Zone", "Place"]
    assert heads(client) == usual
    assert heads(client, "?keep=1&col=type") == ["Device", "Type"]
    assert heads(client) == ["Device", "Type"]


def test_columns_are_remembered_for_one_person(client, mira, floor):
    client.get("/devices/?keep=1&col=type")
    sign_in(client, make_user())

    assert len(heads(client)) > 2


def test_the_list_as_csv_is_narrowed_as_the_page_is(client, mira, floor):
    page = client.get("/devices/?zone=Hall+A&tag=loud&filter=type+%3D+controller").text
    link = re.search(r'href="([^"]*devices.exportCsv[^"]*)"', page)
    _, *rows = client.get(unescape(link[1])).getvalue().decode().splitlines()

    assert [row.split(",")[1] for row in rows] == ["Press"]


# Cost


@pytest.mark.parametrize("devices", [1, 3, 1200])
@pytest.mark.parametrize(("query", "queries"), [("", 8), ("?filter=type+%3D+sensor", 9), ("?group={}", 9)])
def test_the_list_costs_the_same_for_any_number_of_devices(
    client, mira, devices, query, queries, django_assert_num_queries
):
    Device.objects.bulk_create(
        Device(external_id=f"d-{number}", name=f"D {number}", type="sensor", zone="Hall A")
        for number in range(devices)
    )
    group = make_group(devices=Device.objects.all())

    with django_assert_num_queries(queries - 1):
        assert client.get(f"/devices/{query.format(group.pk)}").status_code == 200


# Several at once


def test_only_those_see_the_boxes_who_may_do_something_with_them(client, floor):
    seen = {}
    for role in ROLES:
        sign_in(client, make_user(role=role))
        page = client.get("/devices/").text
        seen[role] = [
            word in page for word in ('name="device"', 'value="batch"', 'value="deactivate"', "/devices/new")
        ]

    assert seen == {
        "user": [False, False, False, False],
        "operator": [True, True, False, False],
        "technician": [True, True, True, True],
        "admin": [True, True, True, True],
    }


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("user", []),
        ("operator", ["batch", "group"]),
        ("technician", ["batch", "group", "deactivate"]),
    ],
)
def test_a_role_does_no_more_than_it_may(client, floor, role, may):
    sign_in(client, make_user(role=role))
    group = make_group()
    form = {"device": [floor[0].pk], "group": group.pk}

    answers = {
        do: client.post("/devices/bulk", {**form, "do": do}).status_code
        for do in ("batch", "group", "deactivate")
    }

    assert [do for do, status in answers.items() if status != 403] == may
    assert Device.objects.in_service().count() == 3


def test_a_stranger_is_sent_to_sign_in(client, floor):
    for path in ("/devices/bulk", "/devices/deactivate", f"/devices/{floor[0].pk}/reactivate"):
        assert client.post(path, {"do": "batch", "device": floor[0].pk})["Location"].startswith(
            "/sign-in?next="
        )


def test_the_ticked_go_on_to_the_wizard(client, omar, floor):
    answer = client.post("/devices/bulk", {"do": "batch", "device": [floor[0].pk, floor[2].pk]})

    assert "2 devices that you ticked : Mixer, Robot." in words(answer)
    assert BatchOperation.objects.count() == 0


def test_all_that_were_found_go_on_as_they_were_found(client, omar, floor):
    answer = client.post("/devices/bulk", {"do": "batch", "all": "1", "asked": "zone=Hall+A"})

    assert "1 device that you ticked : Press." in words(answer)


def test_a_bad_filter_finds_nobody_to_do_something_to(client, tess, floor):
    client.post("/devices/bulk", {"do": "deactivate", "all": "1", "asked": "filter=type+%3D+pump"})
    client.post("/devices/bulk", {"do": "deactivate", "all": "1", "asked": "filter=("}, follow=True)

    assert Device.objects.in_service().count() == 3


def test_a_group_that_is_gone_by_now_is_nobody_and_not_everybody(client, tess, floor):
    group = make_group(devices=[floor[0]])
    asked = f"group={group.pk}"
    delete_group(group=group)

    answer = client.post(
        "/devices/bulk",
        {"do": "deactivate", "all": "1", "asked": asked, "next": f"/devices/?{asked}"},
        follow=True,
    )

    assert answer.redirect_chain == [(f"/devices/?{asked}", 302)]
    assert "The group that you narrowed the list by is not there. Choose again." in words(answer)


@pytest.mark.parametrize(
    ("asked", "is_refused"),
    [
        ("group=nonsense", True),
        ("group=" + "9" * 4400, True),
        ("status=nonsense", True),
        ("type=nonsense&zone=Hall+A", True),
        ("", False),
        ("search=&zone=&status=&type=&tag=&group=&filter=", False),
    ],
)
def test_what_cannot_be_meant_is_nobody_to_do_something_to(client, omar, floor, asked, is_refused):
    answer = client.post("/devices/bulk", {"do": "batch", "all": "1", "asked": asked, "next": "/devices/"})

    assert (answer.status_code, "3 devices that you ticked" in words(answer)) == (
        (302, False) if is_refused else (200, True)
    )


@pytest.mark.parametrize(
    "path",
    [
        "/devices/?group={}",
        "/batches/?group={}",
        "/batches/new?group={}",
        "/batches/new?devices={}",
        "/groups/new?inside={}",
    ],
)
@pytest.mark.parametrize("number", ["9" * 19, "9" * 4400, "²", "٣"])
def test_a_number_that_is_none_in_an_address_breaks_no_page(client, omar, path, number):
    assert client.get(path.format(number), follow=True).status_code == 200


@pytest.mark.parametrize(
    "form", [{}, {"do": "nonsense", "device": "1"}, {"do": "batch"}, {"do": "batch", "device": "x"}]
)
def test_without_a_device_or_a_word_what_to_do_nothing_is_done(client, tess, floor, form):
    answer = client.post("/devices/bulk", {"next": "/devices/?search=m", **form})

    assert answer["Location"] == "/devices/?search=m"


def test_the_ticked_are_put_into_a_group(client, omar, floor):
    group = make_group(devices=[floor[1]])

    answer = client.post(
        "/devices/bulk", {"do": "group", "group": group.pk, "device": [floor[0].pk, floor[1].pk]}
    )

    assert answer["Location"] == f"/groups/{group.pk}/"
    assert group.device_ids == sorted(device.pk for device in floor[:2])


@pytest.mark.parametrize("group", ["", "nonsense", "99", "9" * 30])
def test_a_group_that_is_not_there_is_said(client, omar, floor, group):
    answer = client.post(
        "/devices/bulk", {"do": "group", "group": group, "device": [floor[0].pk], "next": "/devices/"}
    )

    assert answer["Location"] == "/devices/"


# Out of service


def test_deactivating_names_them_first_and_then_does_it(client, tess, floor):
    asked = client.post("/devices/bulk", {"do": "deactivate", "device": [device.pk for device in floor[:2]]})
    there = Device.objects.in_service().count()
    packed = re.search(r'name="devices" value="([^"]+)"', asked.text)[1]

    done = client.post("/devices/deactivate", {"devices": packed, "sure": "1"})

    assert "Take 2 devices out of service?" in words(asked)
    assert there == 3
    assert done["Location"] == "/devices/?deactivated=1"
    assert list(Device.objects.in_service().values_list("name", flat=True)) == ["Robot"]


def test_above_a_size_the_number_is_to_be_typed(client, tess, floor, settings):
    settings.BATCH_CONFIRM_ABOVE = 2
    packed = {"devices": f"{floor[0].pk}-{floor[2].pk}", "sure": "1"}

    refused = client.post("/devices/deactivate", {**packed, "confirm": "2"})
    there = Device.objects.in_service().count()
    client.post("/devices/deactivate", {**packed, "confirm": "3"})

    assert (refused.status_code, there) == (422, 3)
    assert "Type 3 here" in words(refused)
    assert Device.objects.in_service().count() == 0


@pytest.mark.parametrize("packed", ["", "x", "3-1", "1-99999999", "-5", "1,,2"])
def test_a_selection_that_cannot_be_read_is_nobody(client, tess, floor, packed):
    client.post("/devices/deactivate", {"devices": packed, "sure": "1"})

    assert Device.objects.in_service().count() == 3
