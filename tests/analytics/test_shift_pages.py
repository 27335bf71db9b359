import re
from datetime import UTC, date, datetime, time, timedelta

import pytest

from analytics.models import Calendar
from analytics.oee.shifts import ShiftRule
from analytics.queries.machines import shifts_of
from analytics.services.calendars import Target
from tests.analytics.looking import HTMX, NASTY, ROLES, words
from tests.analytics.setting_up import at_work, make_machine, plan, sent
from tests.builders import NOON, make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db
SHIFTS, EDIT, DELETE = "/oee/shifts/", "/oee/shifts/edit", "/oee/shifts/delete"
THREE = ("Early 12345 06:00-14:00 09:00-09:30", "Late 12345 14:00-22:00", "Night 12347 22:00-06:00")
MARCH = datetime(2026, 3, 27, 12, tzinfo=UTC)  # the clocks change on the 29th


def shown(answer):
    """[(name, days, start, end, breaks)] as they stand in the form."""
    return [
        (
            part.form["name"].value(),
            "".join(str(day) for day in part.form["days"].value()),
            part.form["start"].value(),
            part.form["end"].value(),
            [(each["start"].value(), each["end"].value()) for each in part.breaks],
        )
        for part in answer.context["form"].shifts
    ]


class TestTheList:
    def test_who_has_shifts_and_who_works_by_them(self, client, mira):
        line, hall = make_group(name="Line 7"), make_group(name="Hall")
        for number in range(3):
            make_machine(make_device(name=f"M {number}"))
        press = make_machine(make_device(name="Press 3"))
        make_group(name="Cell", devices=[press], parent=line)
        plan(holidays=[date(2026, 12, 25)])
        plan(
            Target(group=line), ShiftRule("Night", frozenset([1, 2, 7]), time(22), time(6)), zone="Asia/Tokyo"
        )
        plan(Target(group=hall))
        plan(Target(device=make_device(name="Mill 1")))

        page = client.get(SHIFTS)

        text = words(page)
        assert "All 4 machines have shifts." in text
        assert (
            "The whole plant Early 06:00–14:00 Mon to Fri UTC · always · 1 holiday · 3 machines work" in text
        )
        assert "Line 7 Night 22:00–06:00 Mon, Tue, Sun Asia/Tokyo · always · 1 machine works" in text
        assert "Mill 1 Early 06:00–14:00" in text
        assert [owner.group.name for owner in page.context["owners"].groups] == ["Hall", "Line 7"]

    def test_machines_without_shifts_are_counted(self, client, mira):
        make_machine()
        plan(Target(device=make_machine()))

        text = words(client.get(SHIFTS))

        assert "One of 2 machines has no shifts. Without any it is to produce round the clock." in text
        assert "The whole plant It has no shifts." in text

    def test_an_empty_plant_says_so(self, client, mira):
        assert "No machine is set up yet." in words(client.get(SHIFTS))

    def test_what_begins_later_is_told_beside_what_holds_now(self, client, mira):
        tomorrow = date.today() + timedelta(days=1)
        plan()
        plan(None, ShiftRule("Other", frozenset([1]), time(6), time(14)), valid_from=tomorrow)

        text = words(client.get(SHIFTS))

        assert f"always · others from {tomorrow:%a} {tomorrow.day} {tomorrow:%b %Y} on" in text
        assert "Other 06:00" not in text

    def test_a_device_is_named_to_get_shifts_of_its_own(self, client, tess):
        device = make_device(external_id="press-3")

        found = client.get(SHIFTS, {"named": " press-3 "})
        missed = client.get(SHIFTS, {"named": "press-4"})

        assert found["Location"] == f"{EDIT}?device={device.pk}"
        assert missed.status_code == 422
        assert 'id="named-error">There is no such device.' in missed.text

    def test_groups_that_have_none_are_offered(self, client, tess):
        has, has_not = make_group(name="Has"), make_group(name="Has not")
        plan(Target(group=has))

        assert client.get(SHIFTS).context["groups"] == [(has_not.pk, "Has not")]

    @pytest.mark.parametrize("rows", [1, 3])
    def test_it_costs_the_same_for_any_number_of_calendars(
        self, client, mira, rows, django_assert_num_queries
    ):
        for _ in range(rows):
            machine = make_machine()
            plan(Target(device=machine))
            plan(Target(group=make_group(devices=[machine])))

        # the person, the open count, machines, groups of them (3), who has begun, the plant's and groups' (2),
        # how many devices, the devices, theirs (2), groups
        with django_assert_num_queries(14):
            assert client.get(SHIFTS).status_code == 200


class TestTheEditor:
    @pytest.mark.parametrize("whose", ["plant", "group", "device"])
    def test_a_technician_plans_shifts_for_whom_the_address_says(self, client, tess, whose):
        device, group = make_device(name="Press 3"), make_group(name="Line 7")
        query = {"plant": "", "group": f"?group={group.pk}", "device": f"?device={device.pk}"}[whose]

        answer = client.post(
            f"{EDIT}{query}", sent(*THREE, holidays="2026-12-25\r\n\r\n2026-12-24"), follow=True
        )

        calendar = Calendar.objects.get()
        assert (calendar.device, calendar.group) == (
            device if whose == "device" else None,
            group if whose == "group" else None,
        )
        told = shifts_of(calendar.target)
        assert (told["time_zone"], told["valid_from"]) == ("Europe/Berlin", None)
        assert told["holidays"] == ["2026-12-24", "2026-12-25"]
        assert [(shift["name"], shift["days"]) for shift in told["shifts"]] == [
            ("Early", [1, 2, 3, 4, 5]),
            ("Late", [1, 2, 3, 4, 5]),
            ("Night", [1, 2, 3, 4, 7]),
        ]
        assert told["shifts"][0]["breaks"] == [{"start": time(9), "end": time(9, 30)}]
        name = {"plant": "the plant", "group": "Line 7", "device": "Press 3"}[whose]
        assert f"Saved: the shifts of {name}, always." in words(answer)

    def test_the_form_shows_what_there_is(self, client, tess):
        plan(
            None,
            ShiftRule("Early", frozenset([1, 3]), time(6), time(14), ((time(9), time(9, 30)),)),
            zone="Asia/Tokyo",
            holidays=[date(2026, 12, 25)],
        )

        page = client.get(EDIT)

        assert shown(page) == [("Early", "13", "06:00", "14:00", [("09:00", "09:30")])]
        head = page.context["form"].head
        assert (head["time_zone"].value(), head["holidays"].value()) == ("Asia/Tokyo", "2026-12-25")
        assert 'value="06:00"' in page.text

    def test_nobodys_shifts_begin_with_a_proposal(self, client, tess):
        page = client.get(EDIT)

        assert shown(page) == [("Early", "12345", "06:00", "14:00", [])]
        assert page.context["form"].head["valid"].value() == "always"

    def test_no_shift_at_all_can_be_planned(self, client, tess):
        client.post(EDIT, sent())

        assert Calendar.objects.get().shifts.count() == 0
        assert "No shift is planned." in words(client.get(SHIFTS))

    def test_a_break_that_nobody_filled_in_is_none(self, client, tess):
        client.post(EDIT, sent("Early 1 06:00-14:00 - 09:00-09:30"))

        assert Calendar.objects.get().shifts.get().breaks == [["09:00", "09:30"]]

    def test_a_zone_that_is_in_no_region_stays_as_it_is(self, client, tess):
        plan(zone="CET")
        page = client.get(EDIT)
        assert '<option value="CET" selected>' in page.text

        client.post(EDIT, sent(*THREE, time_zone="CET"))

        assert Calendar.objects.get().time_zone == "CET"


class TestRows:
    """Each button sends the whole form: without scripts the page comes back with a row more or fewer."""

    def press(self, client, do, *shifts, **head):
        answer = client.post(EDIT, {**sent(*shifts, **head), "do": do})
        assert answer.status_code == 200
        assert not Calendar.objects.exists()
        return answer

    def autofocused(self, answer):
        return re.findall(r'<(?:input|button)[^>]*id="([^"]*)"[^>]* autofocus', answer.text) or re.findall(
            r'<input[^>]* autofocus[^>]*id="([^"]*)"', answer.text
        )

    def test_the_next_shift_follows_the_last_one(self, client, tess):
        one = self.press(client, "add-shift")
        two = self.press(client, "add-shift", "Early 12 06:00-14:00")
        four = self.press(client, "add-shift", *THREE)

        assert shown(one) == [("Early", "12345", "06:00", "14:00", [])]
        assert shown(two)[1] == ("Late", "12", "14:00", "22:00", [])
        assert shown(four)[3] == ("Shift 4", "12347", "06:00", "14:00", [])
        assert self.autofocused(two) == ["id_shift-1-name"]

    def test_one_after_midnight_begins_at_midnight(self, client, tess):
        assert shown(self.press(client, "add-shift", "Late 1 16:00-00:00"))[1][2:4] == ("00:00", "08:00")

    def test_a_shift_is_removed_and_the_others_move_up(self, client, tess):
        answer = self.press(client, "remove-shift-0", *THREE)

        assert [row[0] for row in shown(answer)] == ["Late", "Night"]
        assert self.autofocused(answer) == ["add-shift"]

    def test_a_break_is_proposed_in_the_middle_and_the_next_one_is_left_open(self, client, tess):
        first = self.press(client, "add-break-0", "Night 1 22:00-06:00")
        second = self.press(client, "add-break-0", "Night 1 22:00-06:00 02:00-02:30")

        assert shown(first)[0][4] == [("02:00", "02:30")]
        assert shown(second)[0][4] == [("02:00", "02:30"), ("", "")]
        assert self.autofocused(second) == ["id_shift-0-break-1-start"]

    def test_a_break_is_removed(self, client, tess):
        answer = self.press(
            client, "remove-break-1-0", "A 1 06:00-14:00", "B 2 06:00-14:00 09:00-09:30 10:00-11:00"
        )

        assert shown(answer)[1][4] == [("10:00", "11:00")]
        assert self.autofocused(answer) == ["add-break-1"]

    def test_what_is_not_finished_is_kept_and_not_complained_of(self, client, tess):
        half = {**sent("Early - x-"), "shift-0-name": "", "holidays": "soon", "do": "add-break-0"}

        answer = client.post(EDIT, half)

        assert shown(answer) == [("", "", "x", "", [("", "")])]
        assert answer.context["form"].head["holidays"].value() == "soon"
        assert "Please look" not in words(answer)
        assert "It is shown once all fields are filled in." in words(answer)

    @pytest.mark.parametrize("do", ["remove-shift-9", "remove-break-9-0", "add-break-9"])
    def test_a_row_that_is_not_there_is_not_touched(self, client, tess, do):
        client.post(EDIT, {**sent("Early 1 06:00-14:00"), "do": do})

        assert Calendar.objects.get().shifts.get().name == "Early"

    @pytest.mark.parametrize("count", ["-1", "x", "9" * 30, ""])
    def test_a_number_of_rows_that_cannot_be_is_none_or_as_many_as_may_be(self, client, tess, count):
        answer = client.post(EDIT, {**sent("Early 1 06:00-14:00"), "shifts": count, "do": "add-shift"})

        assert len(answer.context["form"].shifts) <= 26


class TestRefusals:
    @pytest.mark.parametrize(
        ("shifts", "field", "reason"),
        [
            (["Early 1 06:00-14:00", "Early 2 06:00-14:00"], "shift-1-name", "Two shifts are called Early"),
            (["Early - 06:00-14:00"], "shift-0-days", "Name at least one day"),
            (["A 1 06:00-14:00", "B 1 13:00-22:00"], "shift-1-start", "Overlaps with A"),
            (["N 7 22:00-06:00", "A 1 05:00-14:00"], "shift-1-start", "Overlaps with N"),
            (["A 1 06:00-14:00 05:00-05:30"], "shift-0-break-0-start", "Is not within 06:00 to 14:00"),
            (["A 1 06:00-14:00 09:00-09:00"], "shift-0-break-0-start", "Must not be empty"),
            (["A 1 06:00-14:00", "B 2 06:00-14:00 - 20:00-21:00"], "shift-1-break-1-start", "Is not within"),
            (["A 1 25:00-14:00"], "shift-0-start", "Enter a valid time."),
            (["A 1 06:00-"], "shift-0-end", "This field is required."),
            (["A 1 06:00-14:00 09:00-"], "shift-0-break-0-end", "Say until when."),
            (["A 8 06:00-14:00"], "shift-0-days", "Select a valid choice."),
        ],
    )
    def test_what_cannot_be_planned_is_said_in_its_row(self, client, tess, shifts, field, reason):
        answer = client.post(EDIT, sent(*shifts))

        assert answer.status_code == 422
        assert not Calendar.objects.exists()
        problems = {problem.field_id: problem.words for problem in answer.context["form"].problems}
        assert list(problems) == [f"id_{field}"]
        assert reason in problems[f"id_{field}"]
        assert f'<a href="#id_{field}">' in answer.text
        assert f'id="id_{field}_error"' in answer.text
        assert reason in re.search(rf'id="id_{field}_error">([^<]*)<', answer.text)[1]

    @pytest.mark.parametrize(
        ("head", "field", "reason"),
        [
            ({"time_zone": "Mars/Olympus"}, "time_zone", "Select a valid choice."),
            ({"holidays": "2026-12-25\n25.12.2026"}, "holidays", "Line 2: “25.12.2026” is no date"),
            ({"valid": "day"}, "valid_from", "Say from which day on."),
            ({"valid": "day", "valid_from": "0001-01-01"}, "valid_from", "Ensure this value is greater"),
            ({"valid": "day", "valid_from": "9999-12-31"}, "valid_from", "Ensure this value is less"),
            ({"valid": "day", "valid_from": "soon"}, "valid_from", "Enter a valid date."),
        ],
    )
    def test_what_cannot_hold_for_all_is_said_at_its_field(self, client, tess, head, field, reason):
        answer = client.post(EDIT, sent(*THREE, **head))

        errors = answer.context["form"].head.errors
        assert (answer.status_code, list(errors)) == (422, [field])
        assert errors[field][0].startswith(reason)
        assert not Calendar.objects.exists()

    def test_too_many_of_anything_are_refused_where_they_stand(self, client, tess, monkeypatch):
        monkeypatch.setattr("analytics.services.calendars.SHIFTS_LIMIT", 1)
        monkeypatch.setattr("analytics.services.calendars.BREAKS_LIMIT", 1)
        monkeypatch.setattr("analytics.services.calendars.HOLIDAYS_LIMIT", 1)

        answer = client.post(
            EDIT,
            sent(
                "A 1 06:00-14:00 08:00-08:30 09:00-09:30",
                "B 2 06:00-14:00",
                holidays="2026-12-25\n2026-12-26",
            ),
        )

        told = [problem.words for problem in answer.context["form"].problems]
        assert told == ["At most 1", "Holidays: At most 1", "A: At most 1"]
        assert not Calendar.objects.exists()

    def test_several_things_are_said_at_once(self, client, tess):
        answer = client.post(EDIT, sent("A 1 x-14:00 09:00-", "B 1 06:00-y", holidays="z"))

        assert [problem.field_id for problem in answer.context["form"].problems] == [
            "id_holidays",
            "id_shift-0-start",
            "id_shift-0-break-0-end",
            "id_shift-1-end",
        ]


class TestFromWhenOn:
    def test_a_change_proposes_today_and_leaves_the_past_alone(self, client, tess):
        plan()
        with at_work(client, NOON):
            head = client.get(EDIT).context["form"].head
            client.post(EDIT, sent(*THREE, valid="day", valid_from="2026-06-01"))

        assert (head["valid"].value(), head["valid_from"].value()) == ("day", date(2026, 6, 1))
        told = [str(day) for day in Calendar.objects.values_list("valid_from", flat=True)]
        assert told == ["1970-01-01", "2026-06-01"]

    def test_an_older_version_is_chosen_changed_and_the_others_stay(self, client, tess):
        plan()
        other = ShiftRule("Other", frozenset([1]), time(6), time(14))
        plan(None, other, valid_from=date(2026, 7, 1))
        with at_work(client, NOON):
            newest = client.get(EDIT)
            chosen = client.get(f"{EDIT}?version=1970-01-01")
            form = chosen.context["form"].head
            client.post(f"{EDIT}?version=1970-01-01", sent(*THREE, valid="day", valid_from="1970-01-01"))

        assert f'href="{EDIT}?version=1970-01-01"' in newest.content.decode()
        assert f'action="{EDIT}?version=1970-01-01"' in chosen.content.decode()
        assert (form["valid"].value(), form["valid_from"].value()) == ("day", date(1970, 1, 1))
        told = {str(one.valid_from): one.shifts.count() for one in Calendar.objects.all()}
        assert told == {"1970-01-01": len(THREE), "2026-07-01": 1}

    def test_what_begins_later_is_what_is_edited(self, client, tess):
        plan()
        plan(None, ShiftRule("Other", frozenset([1]), time(6), time(14)), valid_from=date(2026, 7, 1))
        with at_work(client, NOON):
            page = client.get(EDIT)
            text = words(page)

        assert shown(page)[0][0] == "Other"
        assert page.context["form"].head["valid_from"].value() == date(2026, 7, 1)
        assert "Below is what holds from Wed 1 Jul 2026 on." in text
        assert "At first (now) Early 06:00–14:00" in text
        assert str(page.context["preview"].days[0].day) == "2026-07-01"

    def test_always_replaces_all_that_was_said(self, client, tess):
        plan()
        plan(valid_from=date(2026, 7, 1))

        client.post(EDIT, sent(*THREE))

        assert Calendar.objects.get().shifts.count() == 3


class TestThePreview:
    def look(self, client, *shifts, partial=False, **head):
        return client.post(EDIT, {**sent(*shifts, **head), "do": "preview"}, headers=HTMX if partial else {})

    def test_the_next_seven_days_are_shown_and_nothing_is_saved(self, client):
        with at_work(client, NOON):  # a Monday
            answer = self.look(client, *THREE, holidays="2026-06-03")
            text = words(answer)

        assert "Mon 1 Jun Early 06:00–14:00 7 h 30 min Late 14:00–22:00 8 h Night 22:00–06:00 8 h" in text
        assert "Wed 3 Jun Holiday, no shift begins" in text
        assert "Sat 6 Jun No shift Sun 7 Jun Night" in text
        assert "94 h in 7 days, on the clock of Europe/Berlin" in text
        assert (answer.status_code, Calendar.objects.count()) == (200, 0)

    @pytest.mark.parametrize(
        ("at", "told"),
        [
            (MARCH, "Sat 28 Mar Night 22:00–06:00 7 h 1 h shorter: the clocks change"),
            (
                datetime(2026, 10, 24, 9, tzinfo=UTC),
                "Sat 24 Oct Night 22:00–06:00 9 h 1 h longer: the clocks",
            ),
        ],
    )
    def test_a_night_in_which_the_clocks_change_is_shorter_or_longer(self, client, at, told):
        with at_work(client, at):
            assert told in words(self.look(client, "Night 1234567 22:00-06:00"))

    def test_the_next_such_night_is_told_long_before(self, client):
        with at_work(client, NOON):
            text = words(self.look(client, "Night 1234567 22:00-06:00"))

        assert (
            "The clocks change on Sun 25 Oct 2026. Night of Sat 24 Oct 2026 lasts 9 h then, 1 h longer than"
            in text
        )

    def test_it_begins_on_the_day_from_which_it_holds(self, client):
        with at_work(client, NOON):
            answer = self.look(client, *THREE, valid="day", valid_from="2026-09-01")

        assert str(answer.context["preview"].days[0].day) == "2026-09-01"

    def test_today_is_that_of_its_time_zone(self, client):
        with at_work(client, datetime(2026, 6, 1, 23, tzinfo=UTC)):
            answer = self.look(client, *THREE, time_zone="Asia/Tokyo")

        assert str(answer.context["preview"].days[0].day) == "2026-06-02"

    def test_it_follows_a_row_that_was_added(self, client, tess):
        answer = client.post(EDIT, {**sent("Early 1234567 06:00-14:00"), "do": "add-shift"})

        assert len(answer.context["preview"].days[0].turns) == 2

    def test_what_cannot_be_planned_waits_while_one_types_and_is_refused_when_asked(self, client, tess):
        typing = self.look(client, "Early 1 06:00-", partial=True)
        asked = self.look(client, "Early 1 06:00-")

        assert (typing.status_code, asked.status_code) == (200, 422)
        assert "It is shown once the marked fields are right." in words(typing)


class TestTheEnd:
    @pytest.mark.parametrize("whose", ["plant", "group", "device"])
    def test_it_is_asked_with_the_name_and_then_done(self, client, tess, whose):
        device, group = make_device(name="Press 3"), make_group(name="Line 7")
        targets = {
            "plant": (Target(), "", "the plant"),
            "group": (Target(group=group), f"?group={group.pk}", "Line 7"),
            "device": (Target(device=device), f"?device={device.pk}", "Press 3"),
        }
        target, query, name = targets[whose]
        for one, _, _ in targets.values():
            plan(one)
        plan(target, valid_from=date(2026, 7, 1))

        asked = client.get(f"{DELETE}{query}")
        answer = client.post(f"{DELETE}{query}", follow=True)

        assert f"Delete the shifts of {name}? All 2 versions go" in words(asked)
        assert f"Deleted: the shifts of {name}." in words(answer)
        assert set(Calendar.objects.values_list("target", flat=True)) == {
            one.name for one, _, _ in targets.values() if one.name != target.name
        }

    def test_one_version_is_taken_back_and_what_held_before_goes_on(self, client, tess):
        plan()
        plan(valid_from=date(2026, 7, 1))

        asked = client.get(f"{DELETE}?version=2026-07-01")
        answer = client.post(f"{DELETE}?version=2026-07-01", follow=True)

        assert "Delete the shifts of the plant that hold from Wed 1 Jul 2026 on?" in words(asked)
        assert "Deleted: the shifts of the plant that hold from Wed 1 Jul 2026 on." in words(answer)
        assert [str(day) for day in Calendar.objects.values_list("valid_from", flat=True)] == ["1970-01-01"]

    @pytest.mark.parametrize("version", ["2026-07-02", "", "x", "1970-01-02"])
    def test_a_version_that_is_none_is_not_found_and_nothing_goes(self, client, tess, version):
        plan()

        answers = [client.get(f"{DELETE}?version={version}"), client.post(f"{DELETE}?version={version}")]
        answers.append(client.get(f"{EDIT}?version={version}"))

        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert Calendar.objects.count() == 1

    def test_what_has_none_is_not_found(self, client, tess):
        assert client.get(DELETE).status_code == 404
        assert client.post(DELETE).status_code == 404


class TestWhoMay:
    def test_each_role_does_only_what_it_may(self, client):
        may = {}
        for role in ROLES:
            sign_in(client, make_user(role=role))
            saves = client.post(EDIT, sent(*THREE)).status_code
            page = client.get(EDIT).text
            may[role] = (saves, 'id="add-shift"' in page, client.get(DELETE).status_code)
            plan()

        assert may == {
            "user": (403, False, 403),
            "operator": (403, False, 403),
            "technician": (302, True, 200),
            "admin": (302, True, 200),
        }

    def test_a_viewer_reads_the_shifts_and_what_they_come_to(self, client):
        plan(holidays=[date(2026, 12, 25)])
        with at_work(client, NOON, role="user"):
            text = words(client.get(EDIT))

        assert "Early 06:00–14:00 Mon to Fri No shift begins on 2026-12-25." in text
        assert "Mon 1 Jun Early 06:00–14:00 8 h" in text

    def test_a_viewer_reads_that_there_are_none(self, client, mira):
        group = make_group()

        assert "It has no shifts of its own." in words(client.get(f"{EDIT}?group={group.pk}"))

    def test_a_stranger_is_led_to_the_sign_in(self, client):
        for path in (SHIFTS, EDIT, DELETE):
            assert client.get(path)["Location"] == f"/sign-in?next={path}"
        assert client.post(EDIT, sent(*THREE)).status_code == 302
        assert not Calendar.objects.exists()

    @pytest.mark.parametrize(
        "query", ["device=99", "device=x", "device=", "group=99", "group=x", "device=1&group=1"]
    )
    def test_whom_nobody_knows_has_no_shifts(self, client, tess, query):
        assert client.get(f"{EDIT}?{query}").status_code == 404
        assert client.post(f"{EDIT}?{query}", sent(*THREE)).status_code == 404

    def test_names_are_text(self, client, tess):
        device, group = make_device(name=NASTY), make_group(name=NASTY)
        shift = ShiftRule(NASTY, frozenset([1]), time(6), time(14))
        plan(Target(device=device), shift)
        plan(Target(group=group), shift)

        for path in (SHIFTS, f"{EDIT}?device={device.pk}", f"{DELETE}?group={group.pk}"):
            assert NASTY not in client.get(path).text
        assert NASTY not in client.post(EDIT, sent("A 1 06:00-14:00", holidays=NASTY)).text
