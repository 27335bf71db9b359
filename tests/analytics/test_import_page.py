import base64
import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from devices.models import Device
from tests.analytics.looking import NASTY, words
from tests.builders import make_device, make_user, sign_in

pytestmark = pytest.mark.django_db
HEAD = "deviceId,name,type,zone\n"


def upload(client, text: str | bytes, **more):
    content = text.encode() if isinstance(text, str) else text
    return client.post(
        "/devices/import",
        {"file": SimpleUploadedFile("d.csv", content), "do": "look", "update": "on", **more},
    )


def carry_on(client, looked):
    """Press the button under what was looked at."""
    form = looked.text[looked.text.index('id="look-title"') :]
    kept = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return client.post("/devices/import", {**{name: unescape(value) for name, value in kept}, "do": "import"})


def test_a_look_says_what_would_become_of_each_row_and_writes_nothing(client, tess):
    make_device(external_id="press-1", name="Press 1", type="sensor", zone="Hall A")
    make_device(external_id="press-2", name="Press 2", type="sensor", zone="Hall A")

    page = upload(
        client,
        f"{HEAD}press-1,Press 1,sensor,Hall A\npress-2,Press 2,sensor,Hall B\npress-3,Press 3,sensor,\n",
    )

    assert "Rows 3 New 1 Changed 1 As they are 1 Wrong 0" in words(page)
    assert Device.objects.count() == 2


def test_what_was_looked_at_is_imported_and_the_tokens_are_shown_once(client, tess):
    looked = upload(client, f'{HEAD}press-3,"Press, the third",sensor,Hall A\n')

    done = carry_on(client, looked)

    device = Device.objects.get()
    link = re.search(r'href="data:text/csv;base64,([^"]+)"', done.text)[1]
    head, row = base64.b64decode(link).decode().split()
    assert (device.name, device.zone) == ("Press, the third", "Hall A")
    assert head == "deviceId,token"
    assert row.startswith("press-3,")


def test_a_wrong_row_is_named_and_holds_up_the_others(client, tess):
    page = upload(client, f"{HEAD}press-1,Press 1,sensor,\npress-2,Press 2,pump,\n")

    assert [(error.row, error.field) for error in page.context["errors"]] == [(3, "type")]
    assert "Nothing is imported while a row is wrong." in words(page)
    assert "do" not in re.findall(r'name="(do)" value="import"', page.text)


def test_wrong_rows_are_left_out_where_that_is_wanted(client, tess):
    looked = upload(client, f"{HEAD}press-1,Press 1,sensor,\npress-2,Press 2,pump,\n", skip_bad="on")

    done = carry_on(client, looked)

    assert "1 row was wrong and left out." in words(done)
    assert [device.external_id for device in Device.objects.all()] == ["press-1"]


@pytest.mark.parametrize(
    "content", ["", "name\nx\n", b"\xff\xfe\x00", "deviceId,name,type,nonsense\na,b,sensor,c\n"]
)
def test_what_is_no_such_file_is_said_at_its_field(client, tess, content):
    page = upload(client, content)

    assert (page.status_code, list(page.context["form"].errors)) == (422, ["file"])
    assert not Device.objects.exists()


def test_without_a_file_it_asks_for_one(client, tess):
    page = client.post("/devices/import", {"do": "look"})

    assert page.context["form"].errors == {"file": ["Choose a file."]}


def test_a_file_that_is_too_large_is_refused(client, tess):
    page = upload(client, HEAD + "x" * (5 * 1024 * 1024 - 60_000))

    assert (page.status_code, list(page.context["form"].errors)) == (422, ["file"])


def test_what_a_file_says_is_text(client, tess):
    page = upload(client, f'deviceId,name,type\n{NASTY},"{NASTY}",{NASTY}\n'.replace('"x"', "1"))

    assert "<script>alert" not in page.text


@pytest.mark.parametrize("role", ["user", "operator"])
def test_only_technicians_import(client, role):
    sign_in(client, make_user(role=role))

    assert client.get("/devices/import").status_code == 403
    assert upload(client, f"{HEAD}press-1,Press 1,sensor,\n").status_code == 403
