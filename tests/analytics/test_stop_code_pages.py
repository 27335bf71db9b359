import pytest

from analytics.models import ShiftResult, StopCode, StopReason
from analytics.oee.sums import NUMBERS
from analytics.services.stops import add_stop, set_stop_code
from tests.analytics.looking import NASTY, ROLES, words
from tests.analytics.setting_up import make_machine
from tests.builders import NOON, make_device, make_user, ms, sign_in

pytestmark = pytest.mark.django_db
CODES = "/oee/codes/"
FORM = {"label": "Tool change", "code": "tool", "kind": "loss", "active": "on"}


def make_code(code="jam", label="", **meaning):
    return set_stop_code(code=code, label=label or code.capitalize(), **{"planned": False, **meaning})


def use(code, *, hours_ago=2):
    start = ms(NOON) - hours_ago * 3_600_000
    add_stop(device=make_device(), start=start, end=start + 60_000, code=code.code, by=None, at=NOON)


def test_each_code_is_told_with_how_often_it_was_used(client, mira):
    jam, clean = make_code(failure=True), make_code("clean", "Cleaning", planned=True)
    make_code("tool", active=False)
    for code in (jam, jam, clean):
        use(code)

    page = client.get(CODES)

    assert "Three stop codes." in words(page)
    told = [(row.code.label, row.uses, row.code.active) for row in page.context["rows"]]
    assert told == [("Cleaning", 1, True), ("Jam", 2, True), ("Tool", 0, False)]
    assert "Cleaning clean Planned 1 yes Jam jam Failure 2 yes Tool tool Loss 0 no" in words(page)


def test_what_people_said_of_a_stop_counts_as_a_use(client, mira):
    code = make_code()
    StopReason.objects.create(device=make_machine(), start=0, end=1, code=code, at=NOON)
    use(code)

    assert client.get(CODES).context["rows"][0].uses == 2


def test_an_empty_list_says_who_adds_codes(client, mira):
    assert "There is no code yet. Technicians add them." in words(client.get(CODES))


@pytest.mark.parametrize(
    ("kind", "kept"), [("loss", (False, False)), ("failure", (False, True)), ("planned", (True, False))]
)
def test_a_technician_adds_a_code(client, tess, kind, kept):
    answer = client.post(CODES, {**FORM, "kind": kind}, follow=True)

    code = StopCode.objects.get()
    assert (code.code, code.label, code.active) == ("tool", "Tool change", True)
    assert (code.planned, code.failure) == kept
    assert "Added: Tool change." in words(answer)


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"code": ""}, "code", "This field is required."),
        ({"code": "jam"}, "code", "There is such a code already."),
        ({"code": "tool change"}, "code", "A letter or a digit first, then letters, digits and . _ - only"),
        ({"code": ".."}, "code", "A letter or a digit first, then letters, digits and . _ - only"),
        ({"code": "x" * 41}, "code", "Ensure this value has at most 40 characters"),
        ({"label": " "}, "label", "This field is required."),
        ({"kind": "odd"}, "kind", "Select a valid choice."),
    ],
)
def test_what_cannot_be_a_code_is_said_at_its_field(client, tess, change, field, reason):
    make_code()

    answer = client.post(CODES, {**FORM, **change})

    errors = answer.context["form"].errors
    assert (answer.status_code, list(errors)) == (422, [field])
    assert errors[field][0].startswith(reason)
    assert f'id="id_{field}_error"' in answer.text
    assert StopCode.objects.count() == 1


def test_what_a_code_means_is_changed_for_the_past_too(client, tess):
    code = make_code("v2.1-b", "Jam", failure=True)
    device = make_machine()
    add_stop(device=device, start=ms(NOON) - 60_000, end=ms(NOON), code=code.code, by=None, at=NOON)
    numbers = dict.fromkeys(NUMBERS, 0)
    ShiftResult.objects.create(device=device, start=0, end=1, **numbers)

    shown = client.get(f"{CODES}v2.1-b/").context["form"]
    client.post(f"{CODES}v2.1-b/", {"label": "Cleaning", "kind": "planned"})

    assert (shown["label"].value(), shown["kind"].value(), shown["active"].value()) == (
        "Jam",
        "failure",
        True,
    )
    code.refresh_from_db()
    assert (code.label, code.planned, code.failure, code.active) == ("Cleaning", True, False, False)
    assert not ShiftResult.objects.exists()


def test_a_change_that_cannot_be_is_said_at_its_field(client, tess):
    make_code()

    answer = client.post(f"{CODES}jam/", {"label": "", "kind": "loss"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["label"])
    assert StopCode.objects.get().label == "Jam"


def test_each_role_does_only_what_it_may(client):
    make_code()
    may = {}
    for role in ROLES:
        sign_in(client, make_user(role=role))
        page = client.get(CODES).text
        adds = client.post(CODES, {**FORM, "code": role}).status_code
        changes = client.post(f"{CODES}jam/", {"label": "Jam", "kind": "loss"}).status_code
        may[role] = ("Add the code" in page, "/codes/jam/" in page, adds, changes)

    assert may == {
        "user": (False, False, 403, 403),
        "operator": (False, False, 403, 403),
        "technician": (True, True, 302, 302),
        "admin": (True, True, 302, 302),
    }


def test_a_stranger_is_led_to_the_sign_in(client):
    make_code()

    for path in (CODES, f"{CODES}jam/"):
        assert client.get(path)["Location"] == f"/sign-in?next={path}"
    assert client.post(CODES, FORM).status_code == 302
    assert StopCode.objects.count() == 1


def test_an_unknown_code_is_not_found(client, tess):
    assert client.get(f"{CODES}nothing/").status_code == 404


def test_labels_are_text(client, tess):
    make_code(label=NASTY)

    for path in (CODES, f"{CODES}jam/"):
        assert NASTY not in client.get(path).text


@pytest.mark.parametrize("rows", [1, 3])
def test_it_costs_the_same_for_any_number_of_codes(client, tess, rows, django_assert_num_queries):
    for number in range(rows):
        use(make_code(f"c{number}"))

    with django_assert_num_queries(
        5
    ):  # the person, the open count, the codes, reasons, stops that were added
        assert client.get(CODES).status_code == 200
