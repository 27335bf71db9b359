"""Who registered is called once, in order, and one failure does not spoil the rest."""

import threading

import pytest

from factory import draining


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(draining, "_begun", threading.Event())
    monkeypatch.setattr(draining, "_callbacks", [])


def test_callbacks_run_once_and_in_order():
    called = []
    draining.on_drain(lambda: called.append("first"))
    draining.on_drain(lambda: called.append("second"))

    draining.begin()
    draining.begin()

    assert called == ["first", "second"]


def test_the_process_counts_as_draining_while_callbacks_run():
    seen = []
    draining.on_drain(lambda: seen.append(draining.is_draining()))

    assert not draining.is_draining()
    draining.begin()

    assert seen == [True]


def test_who_comes_late_is_called_at_once():
    called = []
    draining.begin()

    draining.on_drain(lambda: called.append("late"))

    assert called == ["late"]


def test_a_failure_is_logged_and_the_next_one_is_called(caplog):
    called = []
    draining.on_drain(lambda: 1 / 0)
    draining.on_drain(lambda: called.append("next"))

    draining.begin()

    assert called == ["next"]
    assert [record.message for record in caplog.records] == ["drain.callback_failed"]
