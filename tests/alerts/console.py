"""What somebody does in the console, as a browser would send it."""

import re
from html import unescape

from django.core.files.uploadedfile import SimpleUploadedFile

from alerts.models import Alert, Threshold
from alerts.threshold_csv import HEADER
from tests.builders import NOON, make_device, make_threshold, store

ADMIN = "/admin/alerts/"
THRESHOLDS = f"{ADMIN}threshold/"
ALL = ",".join(HEADER)


def words_of(response):
    return [str(message) for message in response.context["messages"]]


def hidden(response, name):
    """What the page carries to the next one, as a browser would send it."""
    assert response.status_code == 200
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    return unescape(found[1]) if found else ""


def choose(client, action, thresholds, **more):
    selected = {"action": action, "_selected_action": [threshold.pk for threshold in thresholds], **more}
    return client.post(THRESHOLDS, selected)


def shown(response):
    """{section: [(what it reaches, metric, what becomes of it)]} of a preview."""
    assert response.status_code == 200
    return {
        title: [(row["scope"], row["metric"], ", ".join(row["words"])) for row in rows]
        for title, _, rows in response.context["sections"]
    }


def refused(response):
    return [(each.where, each.column, each.reason) for each in response.context["preview"].refusals]


def write(client, preview, **more):
    return client.post(f"{THRESHOLDS}revise/", {"revision": hidden(preview, "revision"), **more}, follow=True)


def upload(client, *lines, header=ALL, name="bounds.csv", data=None):
    data = "\r\n".join([header, *lines]).encode() if data is None else data
    return client.post(f"{THRESHOLDS}import/", {"file": SimpleUploadedFile(name, data)})


def values(*names):
    return set(Threshold.objects.values_list(*names))


def errors_of(response):
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def act(client, page, action, rows):
    selected = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(f"{ADMIN}{page}/", selected, follow=True)


def make_alert(value=95):
    device = make_device()
    make_threshold(device)
    store(device, (NOON, value))
    return Alert.objects.get(device=device)
