"""A moment to the second: counters are exchanged and products begun while a machine counts."""

from django import forms

from analytics.pages.maintenance import LocalMoment


class ExactMoment(LocalMoment):
    widget = forms.DateTimeInput({"type": "datetime-local", "step": "1"}, "%Y-%m-%dT%H:%M:%S")
