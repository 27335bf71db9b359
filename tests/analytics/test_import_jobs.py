"""The pages of a large file of devices: how far it is, beginning, cancelling, tokens, wrong rows."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from devices.models import Credential, Device, DeviceImport
from devices.services.imports import cancel_import
from tests.analytics.looking import NASTY, words
from tests.builders import NOON, make_user, sign_in
from tests.devices.importing import HEAD, bring, file_of, start, work

pytestmark = pytest.mark.django_db
BAD = "bad,Bad,pump,\n"


def upload(client, text, **more):
    file = SimpleUploadedFile("plant.csv", text.encode())
    return client.post("/devices/import", {"file": file, "do": "look", "update": "on", **more})


def test_a_large_file_gets_a_page_of_its_own(client, tess):
    answer = upload(client, file_of(201))

    one = DeviceImport.objects.get()
    assert answer["Location"] == f"/devices/imports/{one.pk}/"
    assert (one.name, one.created_by, one.update_present, one.skip_bad) == ("plant.csv", tess, True, False)
    page = client.get(answer["Location"])
    assert "plant.csv: 0 of 201 rows looked through" in words(page)
    assert "every 2s" in page.text


def test_looked_through_it_says_what_it_would_do_and_asks(client, tess):
    one = work(bring(file_of(3), by=tess))

    page = client.get(f"/devices/imports/{one.pk}/")

    assert "What it would do New 3 Changed 0 As they are 0 Wrong 0 Import 3 new, change 0" in words(page)
    assert "every 2s" not in page.text


def test_begun_and_written_its_owner_saves_the_tokens(client, tess):
    one = work(bring(file_of(3), by=tess))

    client.post(f"/devices/imports/{one.pk}/start")
    work(one, at=timezone.now())
    page = client.get(f"/devices/imports/{one.pk}/")
    file = client.post(f"/devices/imports/{one.pk}/tokens")

    assert "done, 3 new, 0 changed" in words(page)
    assert file["Content-Disposition"] == f'attachment; filename="tokens-{one.pk}.csv"'
    assert "no-store" in file["Cache-Control"]
    assert len(file.text.splitlines()) == 4
    assert "fdt_" not in page.text


def test_more_than_many_are_begun_only_with_their_number(client, tess, settings):
    settings.BATCH_CONFIRM_ABOVE = 2
    one = work(bring(file_of(3), by=tess))

    without = client.post(f"/devices/imports/{one.pk}/start")
    client.post(f"/devices/imports/{one.pk}/start", {"confirm": "3"})

    assert (without.status_code, "Type 3 here" in words(without)) == (422, True)
    one.refresh_from_db()
    assert one.status == "writing"


def test_wrong_rows_are_shown_and_saved(client, tess):
    one = work(bring(f'{HEAD}a,A,sensor,\nbad,"{NASTY}",pump,\n'.replace('"x"', "1"), by=tess))

    page = client.get(f"/devices/imports/{one.pk}/")
    file = client.get(f"/devices/imports/{one.pk}/wrong-rows.csv")

    assert "1 row is wrong." in words(page)
    assert 'name="skip_bad" value="on"' in page.text
    assert "<script>alert" not in page.text
    assert file.text.splitlines()[1].startswith("bad,")


def test_cancelling_says_what_stays(client, tess):
    one = start(work(bring(file_of(3), by=tess)))
    page = client.get(f"/devices/imports/{one.pk}/")
    assert "Cancel the import of plant.csv? 3 rows are left; what was imported until then stays." in page.text

    answer = client.post(f"/devices/imports/{one.pk}/cancel", {"next": "/running/"})

    assert answer["Location"] == "/running/"
    assert "cancelled, nothing was written" in words(client.get(f"/devices/imports/{one.pk}/"))


def test_one_that_is_over_is_not_cancelled_again(client, tess):
    one = bring(file_of(3), by=tess)
    cancel_import(import_id=one.pk, at=NOON)

    page = client.post(f"/devices/imports/{one.pk}/cancel", follow=True)

    assert "This import is over already: cancelled." in words(page)


def test_somebody_else_sees_it_but_neither_begins_it_nor_gets_its_tokens(client, tess):
    one = work(bring(file_of(3)))
    page = client.get(f"/devices/imports/{one.pk}/")
    client.post(f"/devices/imports/{one.pk}/start")
    assert f"Only {one.created_by}, who brought the file, can start it." in words(page)
    work(start(one))

    page = client.get(f"/devices/imports/{one.pk}/")
    answer = client.post(f"/devices/imports/{one.pk}/tokens")

    assert "can save them" in words(page)
    assert answer["Location"] == f"/devices/imports/{one.pk}/"
    assert not Credential.objects.exists()


@pytest.mark.parametrize("role", ["user", "operator"])
@pytest.mark.parametrize("step", ["start", "cancel", "tokens"])
def test_below_technician_nobody_has_a_hand_in_it(client, role, step):
    one = work(bring(file_of(3)))
    sign_in(client, make_user(role=role))

    assert client.get(f"/devices/imports/{one.pk}/").status_code == 403
    assert client.get(f"/devices/imports/{one.pk}/wrong-rows.csv").status_code == 403
    assert client.post(f"/devices/imports/{one.pk}/{step}").status_code == 403
    assert not Device.objects.exists()


def test_a_stranger_is_asked_to_sign_in(client):
    one = bring(file_of(3))

    assert "/sign-in" in client.get(f"/devices/imports/{one.pk}/")["Location"]
    assert "/sign-in" in client.post(f"/devices/imports/{one.pk}/tokens")["Location"]


def test_one_that_is_not_there_is_a_404(client, tess):
    assert client.get("/devices/imports/7/").status_code == 404
    assert client.get("/devices/imports/7/wrong-rows.csv").status_code == 404


@pytest.mark.parametrize("wrong", [1, 3])
def test_its_page_costs_the_same_for_any_number_of_wrong_rows(client, tess, wrong, django_assert_num_queries):
    rows = "".join(f"bad-{n},Bad,pump,\n" for n in range(wrong))
    one = work(bring(f"{HEAD}{rows}", by=tess))

    with django_assert_num_queries(5):
        page = client.get(f"/devices/imports/{one.pk}/")

    assert len(page.context["rows"]) == wrong
