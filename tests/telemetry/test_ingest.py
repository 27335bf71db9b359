"""The group commit alone: threads, but no database and no clock to wait for."""

import threading

import pytest
from django.db import DataError, OperationalError

from telemetry.batch import Outcome, Sample
from telemetry.ingest import QUEUE_READINGS, GroupCommit, IngestBusy


def sample(value=1):
    return Sample(1, value, {"power": value})


class Recorder:
    """A store that notes its batches, can be held back, and fails as it is told."""

    def __init__(self, *failures):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.failures = list(failures)

    def __call__(self, *, samples, received_at):
        self.entered.set()
        assert self.gate.wait(10)
        self.batches.append([s.timestamp for s in samples])
        if self.failures:
            failure = self.failures.pop(0)
            if failure is not None:
                raise failure
        if any(s.timestamp == 666 for s in samples):
            raise DataError("poison")
        return [Outcome.ACCEPTED] * len(samples)


def submit_in_thread(commit, samples, answers):
    def run():
        try:
            answers.append(commit.submit(samples))
        except Exception as error:
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_until(condition):
    pause = threading.Event()
    for _ in range(2000):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it never happened")


def test_everything_that_waits_goes_into_one_transaction():
    store = Recorder()
    commit, answers = GroupCommit(store), []
    store.gate.clear()
    threads = [submit_in_thread(commit, [sample(0)], answers)]
    assert store.entered.wait(5)
    threads += [submit_in_thread(commit, [sample(n), sample(n)], answers) for n in (1, 2, 3)]
    wait_until(lambda: len(commit._queue) == 3)

    store.gate.set()
    for thread in threads:
        thread.join(5)

    assert store.batches[0] == [0]
    assert sorted(store.batches[1]) == [1, 1, 2, 2, 3, 3]
    assert sorted(len(answer) for answer in answers) == [1, 2, 2, 2]


def test_each_caller_gets_the_outcomes_of_its_own_samples():
    class Store(Recorder):
        def __call__(self, *, samples, received_at):
            super().__call__(samples=samples, received_at=received_at)
            return [Outcome.DUPLICATE if s.timestamp % 2 else Outcome.ACCEPTED for s in samples]

    commit = GroupCommit(Store())

    assert commit.submit([sample(1), sample(2)]) == [Outcome.DUPLICATE, Outcome.ACCEPTED]


def test_a_full_queue_turns_callers_away_and_says_when_to_come_back():
    store = Recorder()
    store.gate.clear()
    commit, answers = GroupCommit(store), []
    first = submit_in_thread(commit, [sample(0)], answers)
    assert store.entered.wait(5)
    second = submit_in_thread(commit, [sample(1)] * QUEUE_READINGS, answers)
    wait_until(lambda: len(commit._queue) == 1)

    with pytest.raises(IngestBusy) as refusal:
        commit.submit([sample(2)])

    assert refusal.value.retry_after == 2
    store.gate.set()
    first.join(5)
    second.join(5)
    assert [2] not in store.batches


def test_a_caller_does_not_wait_for_ever():
    store = Recorder()
    store.gate.clear()
    commit = GroupCommit(store)

    with pytest.raises(IngestBusy, match="did not answer in time"):
        commit.submit([sample()], timeout=0.05)

    store.gate.set()


def test_a_lost_deadlock_is_tried_again():
    store = Recorder(OperationalError(1213, "Deadlock found"), OperationalError("database is locked"))

    assert GroupCommit(store).submit([sample()]) == [Outcome.ACCEPTED]
    assert len(store.batches) == 3


def test_a_database_that_is_gone_is_said_so_at_once():
    store = Recorder(OperationalError(2006, "Server has gone away"))

    with pytest.raises(IngestBusy, match="not available"):
        GroupCommit(store).submit([sample()])
    assert len(store.batches) == 1


def test_one_callers_poison_does_not_cost_the_others():
    store = Recorder()
    commit, answers = GroupCommit(store), []
    store.gate.clear()
    threads = [submit_in_thread(commit, [sample(0)], answers)]
    assert store.entered.wait(5)
    threads += [submit_in_thread(commit, [sample(n)], answers) for n in (1, 666, 2)]
    wait_until(lambda: len(commit._queue) == 3)

    store.gate.set()
    for thread in threads:
        thread.join(5)

    assert sum(answer == [Outcome.ACCEPTED] for answer in answers) == 3
    assert sum(isinstance(answer, IngestBusy) for answer in answers) == 1


def test_draining_finishes_what_waits_and_takes_nothing_new():
    store = Recorder()
    commit, answers = GroupCommit(store), []
    store.gate.clear()
    threads = [submit_in_thread(commit, [sample(n)], answers) for n in (1, 2)]
    assert store.entered.wait(5)
    store.gate.set()

    assert commit.drain(timeout=5) is True
    with pytest.raises(IngestBusy, match="shutting down"):
        commit.submit([sample()])

    for thread in threads:
        thread.join(5)
    assert answers == [[Outcome.ACCEPTED], [Outcome.ACCEPTED]]


def test_draining_before_any_work_is_done_at_once():
    assert GroupCommit(Recorder()).drain(timeout=0) is True
