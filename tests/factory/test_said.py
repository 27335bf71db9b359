"""Refusals and kept sentences in the reader's language; what is kept, and what machines read, in English."""

from types import SimpleNamespace

import orjson
import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from alerts.models import Alert, Delivery
from alerts.outbox.messages import compose
from alerts.rules import Level, Rule
from alerts.services.judging import Step, describe
from devices.twin import difference, told
from factory import languages, said
from factory.errors import DomainError, InvalidInput
from grouping.services import delete_group
from ota.waves import _share
from tests.alerts.outbox import make_config, raise_trouble
from tests.builders import NOON, make_group, make_user, sign_in

GERMAN = {"accept-language": "de-AT, en;q=0.5"}


@pytest.mark.django_db
class TestRefusals:
    @pytest.fixture
    def hall(self):
        hall = make_group(name="Hall B")
        make_group(name="Line 1", parent=hall)
        return hall

    def test_a_page_refuses_in_the_readers_language(self, client, hall):
        sign_in(client, make_user(role="admin"))
        page = client.post(f"/groups/{hall.pk}/delete", headers=GERMAN)
        assert page.status_code == 409
        words = "In Hall B sind Gruppen: Line 1. Verschieben oder löschen Sie diese zuerst."
        assert words in page.content.decode()

    def test_the_api_refuses_the_same_in_english_whoever_asks(self, client, hall, settings):
        settings.PLANT_LANGUAGE = "de"
        token = sign_in(client, make_user(role="admin"))
        answer = client.post(
            "/api/trpc/groups.delete",
            {"id": hall.pk},
            content_type="application/json",
            headers={**GERMAN, "authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 409
        message = answer.json()["error"]["message"]
        assert message == "There are groups inside Hall B: Line 1. Move or delete them first."

    def test_outside_of_pages_it_is_english(self, hall, settings):
        settings.PLANT_LANGUAGE = "de"
        with pytest.raises(DomainError) as refusal:
            delete_group(group=hall)
        assert refusal.value.message.startswith("There are groups inside Hall B")


def test_nothing_lazy_goes_on_the_wire():
    lazy = gettext_lazy("must not be empty")
    for refusal in (InvalidInput.at("name", lazy), DomainError(lazy, fields={"name": [lazy]})):
        assert orjson.dumps([refusal.message, refusal.fields])
        with translation.override("de"):
            assert "must not be empty" in refusal.message


@pytest.mark.django_db
class TestThePlantsLanguage:
    def test_is_spoken_to_browsers_that_ask_for_none_of_ours(self, client, settings):
        settings.PLANT_LANGUAGE = "de"
        for headers in ({}, {"accept-language": "fr, pl;q=0.5"}, {"accept-language": "*"}):
            assert client.get("/sign-in", headers=headers).headers["Content-Language"] == "de"

    def test_gives_way_to_what_a_browser_asks_for(self, client, settings):
        settings.PLANT_LANGUAGE = "de"
        answer = client.get("/sign-in", headers={"accept-language": "fr, en-GB;q=0.8, de;q=0.2"})
        assert answer.headers["Content-Language"] == "en"

    def test_of_people_their_own_comes_first(self, settings):
        settings.PLANT_LANGUAGE = "de"
        people = [SimpleNamespace(language=code) for code in ("en", "de", "", "xx")]
        assert [languages.of_person(each) for each in [*people, None]] == ["en", "de", "de", "de", "de"]


@pytest.mark.django_db
class TestMails:
    def test_are_in_the_readers_language_and_what_machines_get_in_english(self, settings):
        settings.PLANT_LANGUAGE = "de"
        make_config()
        raise_trouble(message="Oven has been silent since 11:58", severity="warning")
        message = compose([Delivery.objects.select_related("event__alert").get()], at=NOON)

        assert message.subject == "[Warnung] Oven meldet sich seit 11:58 nicht mehr"
        assert "Stufe      Warnung\n" in message.text
        assert "Quittieren" in message.html
        assert '<html lang="de">' in message.html
        assert message.payload["data"]["alert"]["message"] == "Oven has been silent since 11:58"

    def test_of_many_count_in_it(self, settings):
        settings.PLANT_LANGUAGE = "de"
        make_config()
        for severity in ("critical", "warning", "warning"):
            raise_trouble(severity=severity)
        message = compose(list(Delivery.objects.select_related("event__alert")), at=NOON)
        assert message.subject == "[kritisch] 3 Alarme: 1 kritischer, 2 Warnungen"

    def test_are_english_where_nobody_says_otherwise(self):
        make_config()
        raise_trouble()
        message = compose([Delivery.objects.select_related("event__alert").get()], at=NOON)
        assert (message.subject, "Severity   critical\n" in message.text) == ("[critical] Too hot", True)


def german(text: str) -> str:
    with translation.override("de"):
        return said.retold(text)


class TestKeptSentences:
    def test_in_english_they_are_as_they_are_kept(self):
        assert said.retold("Back in range.") == "Back in range."

    def test_what_people_and_devices_wrote_stays(self):
        for text in ("", "Bearing is dry", "Back in range. Or so", "100 % sure (%s)"):
            assert german(text) == text

    @pytest.mark.parametrize(
        ("value", "after", "words"),
        [
            (91.5, Level.CRITICAL, "Temperatur 91,5 °C, über dem Grenzwert von 90 °C"),
            (-3.25, Level.WARNING, "Temperatur -3,25 °C, unter dem Warnwert von 0 °C"),
            (50.0, Level.CRITICAL, "Temperatur 50 °C, noch nicht wieder im Bereich"),
        ],
    )
    def test_a_judges_words(self, value, after, words):
        rule = Rule(1, min_value=-10.0, warning_min=0.0, warning_max=80.0, max_value=90.0)
        step = Step(1, "temperature", rule, Level.NORMAL, after, value, 0, False)
        assert german(describe(step)) == words

    def test_a_difference_inside_of_an_alert(self):
        gaps = difference({"pump": {"speed": 60}, "mode": "eco"}, {"pump": {"speed": 40}})
        words = german(f"Configuration differs: {told(gaps)}")
        assert words.startswith("Konfiguration weicht ab: ")
        assert words.endswith("(und 1 weitere)")

    def test_a_reason_inside_of_a_reason(self):
        text = "The update to 2.1.0 was rolled back: The device runs 2.0.0 instead of 2.1.0."
        assert german(text) == (
            "Die Aktualisierung auf 2.1.0 wurde zurückgenommen: Auf dem Gerät läuft 2.0.0 statt 2.1.0."
        )

    def test_why_a_rollout_stopped(self):
        words = german(f"Wave 2: {_share(3, 8)} failed, 20 % are allowed.")
        assert (
            words == "Welle 2: 3 von 8 Geräten (37,5 %) fehlgeschlagen, 20\N{NO-BREAK SPACE}% sind erlaubt."
        )

    def test_a_state_inside_of_a_note(self):
        assert german("Its status was set to maintenance by hand.") == (
            "Der Status wurde von Hand auf „Wartung“ gesetzt."
        )

    @given(st.data())
    def test_each_is_told_with_what_it_was_filled_with(self, data):
        sentence, pattern = data.draw(st.sampled_from(said._sentences))
        fills = {
            name: "7.5 °C"
            if name in said._AMOUNTS
            else data.draw(st.sampled_from(["Oven-1", "Halle 3", "x"]))
            for name in pattern.groupindex
        }
        text = sentence % fills
        words = german(text)
        assert words != text or sentence == "withdrawn"
        for name, fill in fills.items():
            assert (fill.replace(".", ",") if name in said._AMOUNTS else fill) in words


def test_a_code_that_is_not_known_is_said_as_it_is_kept():
    with translation.override("de"):
        assert (said.said("in_progress"), said.said("half_done")) == ("in Arbeit", "half done")


def test_states_have_names_in_the_readers_language():
    alert = Alert(status=Alert.Status.ACKNOWLEDGED)
    with translation.override("de"):
        assert alert.get_status_display() == "Quittiert"
    assert alert.get_status_display() == "Acknowledged"
