import re
from html import unescape

import pytest

from ota.models import Rollout
from ota.services.firmware import withdraw_firmware
from tests.analytics.looking import HTMX, NASTY, ROLES, words
from tests.builders import NOON, make_device, make_firmware, make_group, make_user, sign_in
from tests.ota.rolling import advance, begin, make_plant, make_rollout, report, state, statuses
from tests.ota.storing import use_storage

pytestmark = pytest.mark.django_db
NEW = "/firmware/rollouts/new"
PACE = {
    "name": "Spring",
    "waves_in": "percent",
    "waves": "34, 100",
    "success_threshold": "90",
    "failure_threshold": "5",
    "health_minutes": "0",
}


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    use_storage(settings, f"file://{tmp_path / 'storage'}")


@pytest.fixture
def firmware():
    return make_firmware(version="2.0.0")


def post(client, step, who, **pace):
    return client.post(NEW, {**who, **PACE, **pace, "step": step})


def carried(page) -> dict[str, str]:
    """What the form of the main part carries on."""
    main = page.text[page.text.index("<main") :]
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', main)
    return {name: unescape(value) for name, value in found if name != "csrfmiddlewaretoken"}


def test_the_steps_make_a_draft_that_does_nothing_before_it_is_started(client, tess, firmware):
    hall = make_group(name="Hall", devices=make_plant(3))
    who = {"firmware": firmware.pk, "group": hall.pk}

    chosen = client.get(f"{NEW}?firmware={firmware.pk}&group={hall.pk}")
    filled = client.post(NEW, {**who, "step": "fill"})
    looked = post(client, "look", who)
    nothing_yet = Rollout.objects.count()
    kept = client.post(NEW, {**carried(looked), "step": "create"})

    rollout = Rollout.objects.get()
    assert "selected" in chosen.text
    assert 'value="Update to 2.0.0"' in filled.text
    assert [wave["size"] for wave in looked.context["waves"]] == [2, 1]
    assert "3 offline" in words(looked)
    assert nothing_yet == 0
    assert kept["Location"] == f"/firmware/rollouts/{rollout.pk}/"
    assert (rollout.status, rollout.group, rollout.waves, rollout.created_by) == (
        "draft",
        hall,
        [34, 100],
        tess,
    )
    assert statuses(rollout) == {}


def test_the_dry_run_says_who_is_left_out_and_why(client, tess, firmware):
    make_plant(2)
    make_plant(1, prefix="done", version="2.0.0")
    other = make_device(name="Gate", type="gateway")

    picked = post(client, "look", {"firmware": firmware.pk, "devices": f"unit-0, {other.external_id} done-0"})

    assert [member.name for member, _ in picked.context["preview"].members] == ["unit 00000"]
    assert {member.name for member in picked.context["excluded"]} == {"Gate", "done 00000"}
    assert "It runs 2.0.0 already." in words(picked)
    assert "Version 2.0.0 is for sensors." in words(picked)


def test_everything_that_was_said_is_kept(client, tess, firmware):
    make_plant(3)
    values = {
        "waves_in": "count",
        "waves": "1",
        "max_parallel": "2",
        "health_minutes": "30",
        "days": ["1", "5"],
        "turn_starts": "22:00",
        "turn_ends": "05:00",
        "is_continuous": "on",
    }

    post(client, "create", {"firmware": firmware.pk, "filter": "type = sensor"}, **values)

    rollout = Rollout.objects.get()
    assert (rollout.filter, rollout.is_continuous, rollout.wave_counts) == ("type = sensor", True, [1])
    assert (rollout.max_parallel, rollout.health_seconds) == (2, 1800)
    assert rollout.window == {"days": [1, 5], "start": "22:00", "end": "05:00"}


@pytest.mark.parametrize(
    ("who", "field"),
    [
        ({}, "__all__"),
        ({"filter": "type = sensor", "devices": "unit-0"}, "__all__"),
        ({"filter": "zone = "}, "filter"),
        ({"devices": "nobody"}, "devices"),
        ({"group": "99"}, "group"),
        ({"filter": "type = sensor", "firmware": "99"}, "firmware"),
    ],
)
def test_whom_it_is_for_is_said_in_exactly_one_way(client, tess, firmware, who, field):
    make_plant(1)

    page = client.post(NEW, {"firmware": firmware.pk, **who, "step": "fill"})

    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])


@pytest.mark.parametrize(
    ("pace", "field"),
    [
        ({"waves": "5, 20"}, "waves"),
        ({"waves": "50, 5, 100"}, "waves"),
        ({"waves": "all"}, "waves"),
        ({"waves_in": "count", "waves": "0"}, "waves"),
        ({"success_threshold": "101"}, "success_threshold"),
        ({"max_parallel": "0"}, "max_parallel"),
        ({"days": ["1"]}, "days"),
        ({"turn_starts": "22:00", "turn_ends": "05:00"}, "days"),
        ({"name": ""}, "name"),
    ],
)
@pytest.mark.parametrize("step", ["look", "create"])
def test_what_cannot_be_meant_is_said_at_its_field(client, tess, firmware, pace, field, step):
    make_plant(1)

    page = post(client, step, {"firmware": firmware.pk, "devices": "unit-0"}, **pace)

    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])
    assert Rollout.objects.count() == 0


def test_a_withdrawn_version_is_not_offered(client, tess, firmware):
    withdraw_firmware(firmware=firmware, because="It leaks.", by=tess, at=NOON)

    page = client.post(NEW, {"firmware": firmware.pk, "filter": "type = sensor", "step": "fill"})

    assert list(page.context["form"].errors) == ["firmware"]


def test_starting_is_for_as_many_as_were_seen(client, tess):
    hall = make_group(devices=make_plant(3))
    rollout = make_rollout(34, 100, group=hall)
    path = f"/firmware/rollouts/{rollout.pk}"

    page = client.get(f"{path}/")
    refused = client.post(f"{path}/start", {"count": "2"}, follow=True)
    before = state(rollout)
    client.post(f"{path}/start", {"count": page.context["count"]})

    assert "Start: 3 devices in 2 waves" in words(page)
    assert "it would reach 3 devices now" in words(refused)
    assert (before, state(rollout)) == (("draft", 0), ("running", 1))


def test_an_open_draft_looks_again_without_another_dry_run(client, tess):
    rollout = make_rollout(devices=make_plant(3))

    page = client.get(f"/firmware/rollouts/{rollout.pk}/", headers=HTMX)

    assert (page.status_code, "preview" in page.context, "not started" in words(page)) == (200, False, True)


def test_above_a_size_the_number_is_to_be_typed(client, tess, settings):
    settings.BATCH_CONFIRM_ABOVE = 2
    rollout = make_rollout(devices=make_plant(3))
    path = f"/firmware/rollouts/{rollout.pk}/start"

    refused = client.post(path, {"count": "3", "confirm": "2"})
    before = state(rollout)
    client.post(path, {"count": "3", "confirm": "3"})

    assert (refused.status_code, "Type 3 here" in words(refused)) == (422, True)
    assert (before, state(rollout)) == (("draft", 0), ("running", 1))


@pytest.fixture
def half_failed():
    """A wave of two out of four, one of them failed, which pauses it."""
    rollout = begin(50, 100, devices=make_plant(4), failure=10)
    first = rollout.places.filter(status="deploying").order_by("pk").first()
    report(rollout, "failed", devices=[first.device_id], said=NASTY)
    return advance(rollout)


def test_why_it_is_paused_is_said_first_and_the_failed_stand_first(client, mira, half_failed):
    page = client.get(f"/firmware/rollouts/{half_failed.pk}/")

    assert "Spring: paused. Wave 1: 1 of 2 devices (50.0 %) failed, 10 % are allowed." in words(page)
    assert [row.place.status for row in page.context["places"]] == [
        "failed",
        "deploying",
        "planned",
        "planned",
    ]
    assert NASTY not in page.text
    assert "alert(" in words(page)


def test_the_bars_of_all_waves_add_up(client, mira, half_failed):
    told = client.get(f"/firmware/rollouts/{half_failed.pk}/").context["told"]

    assert [bar.counts.total for bar in told.waves] == [2, 2]
    for bar in (told.bar, *told.waves):
        assert sum(segment.count for segment in bar.segments) == bar.counts.total
        assert bar.segments[-1].start + bar.segments[-1].width == pytest.approx(100, abs=0.01)


def test_a_state_stands_in_the_address(client, mira, half_failed):
    page = client.get(f"/firmware/rollouts/{half_failed.pk}/?status=planned")

    assert [row.place.status for row in page.context["places"]] == ["planned", "planned"]
    assert client.get(f"/firmware/rollouts/{half_failed.pk}/?status=nonsense&page=x").status_code == 200


def test_it_is_resumed_paused_with_a_reason_and_cancelled(client, tess, half_failed):
    path = f"/firmware/rollouts/{half_failed.pk}"
    went = []
    for step, values in (("resume", {}), ("pause", {"reason": "Shift change"}), ("cancel", {})):
        client.post(f"{path}/{step}", values)
        went.append((state(half_failed)[0], Rollout.objects.get().paused_because))
    again = client.post(f"{path}/cancel", follow=True)

    assert went == [("running", ""), ("paused", "Shift change (Tess)"), ("cancelled", "")]
    assert "only one that is not over can be cancelled" in words(again)


def test_the_failed_are_tried_again_and_nobody_else(client, tess, half_failed):
    client.post(f"/firmware/rollouts/{half_failed.pk}/retry")

    tries = half_failed.places.order_by("pk").values_list("attempt", flat=True)
    assert sorted(tries) == [1, 1, 1, 2]


def test_only_technicians_are_offered_and_allowed_to_steer(client, half_failed):
    path = f"/firmware/rollouts/{half_failed.pk}/"
    draft = make_rollout(devices=make_plant(1, prefix="other"), firmware=half_failed.firmware)
    may = {}
    for role in ROLES:
        sign_in(client, make_user(role=role))
        may[role] = [
            "/resume" in client.get(path).text,
            "/start" in client.get(f"/firmware/rollouts/{draft.pk}/").text,
            NEW in client.get("/firmware/rollouts/").text,
            client.get(NEW).status_code,
        ]
    refused = set()
    for role in ("user", "operator"):
        sign_in(client, make_user(role=role))
        steps = ("start", "pause", "resume", "cancel", "retry")
        refused |= {client.post(path + step).status_code for step in steps} | {client.post(NEW).status_code}

    yes, no = [True, True, True, 200], [False, False, False, 403]
    assert may == {"user": no, "operator": no, "technician": yes, "admin": yes}
    assert refused == {403}
    assert state(half_failed)[0] == "paused"


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "queries"), [("/firmware/rollouts/", 5), ("/firmware/rollouts/{}/", 8)])
def test_a_page_costs_the_same_for_any_number_of_rows(
    client, mira, rows, path, queries, django_assert_num_queries
):
    for turn in range(rows):
        version = make_firmware()
        rollout = begin(50, 100, devices=make_plant(rows + 1, prefix=f"p{turn}"), firmware=version)

    with django_assert_num_queries(queries):
        assert client.get(path.format(rollout.pk)).status_code == 200


def test_the_list_is_narrowed_by_state(client, mira, half_failed):
    draft = make_rollout(devices=make_plant(1, prefix="other"), firmware=half_failed.firmware)

    def listed(query):
        return [one.rollout.pk for one in client.get(f"/firmware/rollouts/{query}").context["told"]]

    assert listed("") == listed("?status=nonsense") == [draft.pk, half_failed.pk]
    assert listed("?status=paused") == [half_failed.pk]


def test_a_draft_whose_devices_are_gone_says_so(client, tess):
    [device] = make_plant(1)
    rollout = make_rollout(devices=[device])
    device.delete()

    page = client.get(f"/firmware/rollouts/{rollout.pk}/")

    assert "It can't be started" in words(page)
    assert client.post(f"/firmware/rollouts/{rollout.pk}/start", {"count": "0"}).status_code == 302
    assert state(rollout) == ("draft", 0)


def test_pausing_without_a_word_says_who_did_it(client, tess):
    rollout = begin(devices=make_plant(2))

    client.post(f"/firmware/rollouts/{rollout.pk}/pause")

    rollout.refresh_from_db()
    assert rollout.paused_because == "Paused by Tess."


@pytest.mark.parametrize("number", ["99", "9" * 25])
def test_an_unknown_rollout_is_not_found(client, mira, number):
    assert client.get(f"/firmware/rollouts/{number}/").status_code == 404
