"""Thresholds by the dozen in the console: what is shown, and that just that is written."""

import pytest
from django.test import Client

from alerts.admin import previews
from alerts.models import Threshold, ThresholdChange
from alerts.services.thresholds import delete_threshold, edit_threshold
from tests.alerts.console import THRESHOLDS, choose, hidden, refused, shown, values, words_of, write
from tests.builders import NOON, make_device, make_group, make_threshold, make_user, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def boss(client):
    boss = make_user(role="admin", email="boss@example.com")
    sign_in(client, boss)
    return boss


class TestEditingMany:
    @pytest.fixture(autouse=True)
    def _thresholds(self):
        self.oven = make_threshold(
            make_device(external_id="oven-1", name="Oven"), max_value=90.0, warning_max=80.0
        )
        self.line = make_threshold(group=make_group(name="Line 7"), max_value=70.0, count=3)
        self.both = [self.oven, self.line]

    def ask(self, client, **fields):
        page = choose(client, "edit_many", self.both)
        return client.post(f"{THRESHOLDS}edit-many/", {"selection": hidden(page, "selection"), **fields})

    def test_only_what_is_filled_in_is_set(self, client, boss):
        preview = self.ask(client, max_value="95", hold_seconds="30", without="warning_max", enabled="no")

        assert shown(preview) == {
            "Changed": [
                (
                    "Oven (oven-1)",
                    "temperature (°C)",
                    "max value 90 → 95, warning max 80 → none, hold seconds 0 → 30, enabled yes → no",
                ),
                (
                    "group Line 7",
                    "temperature (°C)",
                    "max value 70 → 95, hold seconds 0 → 30, enabled yes → no",
                ),
            ]
        }
        assert values("max_value", "enabled") == {(90, True), (70, True)}

        assert words_of(write(client, preview)) == ["Thresholds made: 0, changed: 2."]
        assert values("max_value", "warning_max", "hold_seconds", "count", "enabled") == {
            (95, None, 30, 1, False),
            (95, None, 30, 3, False),
        }
        changes = ThresholdChange.objects.filter(kind="changed", by=boss)
        assert set(changes.values_list("threshold_id", flat=True)) == {self.oven.pk, self.line.pk}

    def test_one_that_could_not_be_meant_holds_back_all(self, client):
        preview = self.ask(client, max_value="75")

        assert refused(preview) == [
            ("temperature of Oven (oven-1)", "maxValue", "must not be below warningMax (80)")
        ]
        assert hidden(preview, "revision") == ""
        assert "Write this" not in preview.content.decode()

    def test_what_is_so_already_is_not_written(self, client):
        preview = self.ask(client, enabled="yes")

        assert (shown(preview), preview.context["same"]) == ({}, 2)
        assert "Nothing would change." in preview.content.decode()
        assert hidden(preview, "revision") == ""

    @pytest.mark.parametrize(
        ("fields", "errors"),
        [
            ({}, {"__all__": ["Nothing to set: fill in at least one field."]}),
            ({"max_value": "hot"}, {"max_value": ["Enter a number."]}),
            ({"max_value": "inf"}, {"max_value": ["Enter a number."]}),
            ({"count": "0"}, {"count": ["Ensure this value is greater than or equal to 1."]}),
            (
                {"hold_seconds": "86401"},
                {"hold_seconds": ["Ensure this value is less than or equal to 86400."]},
            ),
            (
                {"max_value": "5", "without": "max_value"},
                {"max_value": ["is to be taken away: either give a value or tick it below."]},
            ),
            (
                {"enabled": "maybe"},
                {"enabled": ["Select a valid choice. maybe is not one of the available choices."]},
            ),
        ],
    )
    def test_what_cannot_be_meant_is_told_at_its_field(self, client, fields, errors):
        page = self.ask(client, **fields)

        assert dict(page.context["form"].errors) == errors
        assert hidden(page, "selection")  # so that it can be corrected

    def test_what_somebody_else_changed_meanwhile_is_told_and_nothing_is_written(self, client):
        preview = self.ask(client, hold_seconds="30")
        edit_threshold(threshold=self.oven, at=NOON, max_value=99.0)

        again = write(client, preview)

        assert (
            "Changed by somebody since it was shown: temperature of Oven (oven-1)."
            in (again.context["problem"])
        )
        assert values("max_value", "hold_seconds") == {(99, 0), (70, 0)}
        # The page shows what it would mean now, and that can be written.
        assert words_of(write(client, again)) == ["Thresholds made: 0, changed: 2."]
        assert values("max_value", "hold_seconds") == {(99, 30), (70, 30)}

    def test_one_deleted_meanwhile_is_not_made_again_unseen(self, client):
        preview = self.ask(client, hold_seconds="30")
        delete_threshold(threshold=self.line, at=NOON)

        again = write(client, preview)

        assert "temperature of group Line 7" in again.context["problem"]
        assert values("hold_seconds") == {(0,)}
        assert refused(again) == [
            (
                "temperature of group Line 7",
                "maxValue",
                "give at least one of minValue, maxValue, warningMin, warningMax",
            )
        ]

    def test_a_device_deleted_meanwhile_is_told(self, client):
        preview = self.ask(client, hold_seconds="30")
        device = self.oven.device
        number = device.pk
        device.delete()

        assert words_of(write(client, preview)) == [
            f"Device {number} was deleted since it was shown. Nothing was written."
        ]
        assert values("hold_seconds") == {(0,)}

    def test_what_was_written_is_not_written_twice(self, client):
        preview = self.ask(client, hold_seconds="30")
        write(client, preview)

        again = write(client, preview)

        assert "Changed by somebody since it was shown" in again.context["problem"]
        assert again.context["same"] == 2
        assert ThresholdChange.objects.filter(kind="changed").count() == 2

    @pytest.mark.parametrize("page", ["edit-many", "copy", "revise"])
    @pytest.mark.parametrize("token", ["", "nonsense", "forged"])
    def test_what_we_never_signed_is_refused(self, client, page, token):
        preview = self.ask(client, hold_seconds="30")
        good = {"revision": hidden(preview, "revision"), "selection": hidden(preview, "revision")}
        sent = good if token == "forged" else dict.fromkeys(good, token)
        if token == "forged":  # one for another page, or with a letter changed
            sent["revision"] = ("A" if good["revision"][5] != "A" else "B").join(
                [good["revision"][:5], good["revision"][6:]]
            )

        response = client.post(f"{THRESHOLDS}{page}/", {**sent, "hold_seconds": "30"}, follow=True)

        assert words_of(response) == ["This page was open for too long. Nothing was written. Start again."]
        assert values("hold_seconds") == {(0,)}

    def test_a_preview_is_good_for_an_hour_and_for_one_person(self, client, monkeypatch):
        preview = self.ask(client, hold_seconds="30")
        other = Client()
        sign_in(other, make_user(role="admin"))

        assert words_of(write(other, preview)) == [
            "Somebody else opened this page. Nothing was written. Start again."
        ]
        monkeypatch.setattr(previews, "LIFETIME", -1)
        assert words_of(write(client, preview))[0].startswith("This page was open for too long.")
        assert values("hold_seconds") == {(0,)}

    @pytest.mark.parametrize("page", ["edit-many", "copy", "revise"])
    def test_a_page_that_is_only_looked_at_leads_back_to_the_list(self, client, page):
        assert client.get(f"{THRESHOLDS}{page}/")["Location"] == THRESHOLDS

    def test_all_that_a_list_finds_can_be_chosen(self, client):
        page = choose(client, "edit_many", self.both[:1], select_across="1")

        assert page.context["title"] == "Edit thresholds: 2"


class TestCopying:
    @pytest.fixture(autouse=True)
    def _thresholds(self):
        self.oven = make_device(external_id="oven-1", name="Oven")
        self.other = make_device(external_id="oven-2", name="Other")
        self.line = make_group(name="Line 7")
        self.hot = make_threshold(self.oven, max_value=90.0, hysteresis=2.0, hold_seconds=30)
        self.power = make_threshold(self.oven, metric="power", max_value=400.0, enabled=False)

    def ask(self, client, thresholds=None, **targets):
        page = choose(client, "copy_to", thresholds or [self.hot, self.power])
        return client.post(f"{THRESHOLDS}copy/", {"selection": hidden(page, "selection"), **targets})

    def test_devices_groups_and_types_get_them(self, client):
        make_threshold(self.other, max_value=50.0, count=5)
        targets = {"devices": [self.other.pk, self.oven.pk], "groups": self.line.pk, "types": "gateway"}

        preview = self.ask(client, **targets)

        new = "max value 90, hysteresis 2, hold seconds 30"
        assert shown(preview) == {
            "New": [
                ("Other (oven-2)", "power (W)", "max value 400, enabled no"),
                ("group Line 7", "temperature (°C)", new),
                ("group Line 7", "power (W)", "max value 400, enabled no"),
                ("every gateway", "temperature (°C)", new),
                ("every gateway", "power (W)", "max value 400, enabled no"),
            ],
            "Changed": [
                (
                    "Other (oven-2)",
                    "temperature (°C)",
                    "max value 50 → 90, hysteresis 0 → 2, hold seconds 0 → 30, count 5 → 1",
                )
            ],
        }
        assert preview.context["same"] == 2
        assert Threshold.objects.count() == 3

        assert words_of(write(client, preview)) == ["Thresholds made: 5, changed: 1."]
        for scope in ({"device": self.other}, {"group": self.line}, {"device_type": "gateway"}):
            found = Threshold.objects.filter(**scope).values_list("metric", "max_value", "enabled", "count")
            assert set(found) == {("temperature", 90, True, 1), ("power", 400, False, 1)}

    @pytest.mark.parametrize(
        ("targets", "errors"),
        [
            ({}, {"__all__": ["Choose at least one device, group or type."]}),
            ({"devices": "999999"}, {"devices": ["Select a valid choice. 999999 is not one of"]}),
            ({"groups": "x"}, {"groups": ["“x” is not a valid value."]}),
            ({"devices": "9" * 30}, {"devices": ["Select a valid choice. 9999"]}),
            ({"types": "toaster"}, {"types": ["Select a valid choice. toaster is not one of"]}),
        ],
    )
    def test_targets_that_do_not_exist_are_told_at_their_field(self, client, targets, errors):
        found = self.ask(client, **targets).context["form"].errors

        assert found.keys() == errors.keys()
        for field, [reason] in errors.items():
            assert found[field][0].startswith(reason)

    def test_two_for_the_same_metric_cannot_both_be_copied(self, client):
        page = self.ask(client, [self.hot, make_threshold(self.other)], types="gateway")

        assert page.context["form"].non_field_errors() == [
            "More than one of them is about temperature: select one for each metric."
        ]

    def test_somebody_who_was_faster_is_not_overwritten(self, client):
        preview = self.ask(client, [self.hot], types="gateway")
        make_threshold(device_type="gateway", max_value=20.0)

        again = write(client, preview)

        assert "temperature of every gateway" in again.context["problem"]
        assert list(shown(again)) == ["Changed"]
        assert Threshold.objects.filter(device_type="gateway", max_value=20.0).count() == 1

    def test_a_choice_is_looked_up_while_it_is_typed(self, client):
        query = {"term": "LINE", "app_label": "alerts", "model_name": "threshold", "field_name": "group"}

        [found] = client.get("/admin/autocomplete/", query).json()["results"]

        assert found == {"id": str(self.line.pk), "text": "Line 7"}
