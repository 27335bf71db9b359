"""The group commit alone: threads, but no database and no clock to wait for."""

import threading

import pytest
from django.db import DataError, OperationalError

from telemetry.batch import Outcome, Sample
from telemetry.ingest import BACKLOG_AGE_MS, QUEUE_READINGS, SLICE_READINGS, GroupCommit, IngestBusy


def sample(value=1):
    return Sample(1, value, {"power": value})


def committing(store):
    """A group commit whose clock stands at 0, so that samples are of the present unless they lie before it."""
    return GroupCommit(store, clock=lambda: 0)


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
    commit, answers = committing(store), []
    store.gate.clear()
    threads = [submit_in_thread(commit, [sample(0)], answers)]
    assert store.entered.wait(5)
    threads += [submit_in_thread(commit, [sample(n), sample(n)], answers) for n in (1, 2, 3)]
    wait_until(lambda: len(commit._live) == 3)

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

    commit = committing(Store())

    assert commit.submit([sample(1), sample(2)]) == [Outcome.DUPLICATE, Outcome.ACCEPTED]


def test_a_full_queue_turns_callers_away_and_says_when_to_come_back():
    store = Recorder()
    store.gate.clear()
    commit, answers = committing(store), []
    first = submit_in_thread(commit, [sample(0)], answers)
    assert store.entered.wait(5)
    second = submit_in_thread(commit, [sample(1)] * QUEUE_READINGS, answers)
    wait_until(lambda: len(commit._live) == 1)

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
    commit = committing(store)

    with pytest.raises(IngestBusy, match="did not answer in time"):
        commit.submit([sample()], timeout=0.05)

    store.gate.set()


def test_a_lost_deadlock_is_tried_again():
    store = Recorder(OperationalError(1213, "Deadlock found"), OperationalError("database is locked"))

    assert committing(store).submit([sample()]) == [Outcome.ACCEPTED]
    assert len(store.batches) == 3


def test_a_database_that_is_gone_is_said_so_at_once():
    store = Recorder(OperationalError(2006, "Server has gone away"))

    with pytest.raises(IngestBusy, match="not available"):
        committing(store).submit([sample()])
    assert len(store.batches) == 1


def test_one_callers_poison_does_not_cost_the_others():
    store = Recorder()
    commit, answers = committing(store), []
    store.gate.clear()
    threads = [submit_in_thread(commit, [sample(0)], answers)]
    assert store.entered.wait(5)
    threads += [submit_in_thread(commit, [sample(n)], answers) for n in (1, 666, 2)]
    wait_until(lambda: len(commit._live) == 3)

    store.gate.set()
    for thread in threads:
        thread.join(5)

    assert sum(answer == [Outcome.ACCEPTED] for answer in answers) == 3
    assert sum(isinstance(answer, IngestBusy) for answer in answers) == 1


def test_draining_finishes_what_waits_and_takes_nothing_new():
    store = Recorder()
    commit, answers = committing(store), []
    store.gate.clear()
    threads = [submit_in_thread(commit, [sample(1)], answers)]
    assert store.entered.wait(5)
    threads.append(submit_in_thread(commit, [sample(2)], answers))
    wait_until(lambda: len(commit._live) == 1)
    store.gate.set()

    assert commit.drain(timeout=5) is True
    with pytest.raises(IngestBusy, match="shutting down"):
        commit.submit([sample()])

    for thread in threads:
        thread.join(5)
    assert answers == [[Outcome.ACCEPTED], [Outcome.ACCEPTED]]


def test_draining_before_any_work_is_done_at_once():
    assert committing(Recorder()).drain(timeout=0) is True


LONG_AGO = -10 * BACKLOG_AGE_MS


def past(device_id, number=0):
    return Sample(device_id, LONG_AGO + number, {"power": 1.0})


def now(device_id):
    return Sample(device_id, 0, {"power": 1.0})


class Lanes:
    """A group commit that is held up in its first transaction, so that what comes next waits in its lane."""

    def __init__(self, *failures):
        self.store = Recorder(None, *failures)
        self.commit = committing(self.store)
        self.told = {}
        self.store.gate.clear()
        self.hand_in("first", [now(99)])
        assert self.store.entered.wait(5)

    def hand_in(self, name, samples):
        self.commit.hand_in(samples, lambda outcomes, error: self.told.update({name: error or len(outcomes)}))

    def go(self):
        """Let everything run to its end; the sizes of the transactions after the first."""
        self.store.gate.set()
        assert self.commit.drain(timeout=10)
        return [len(batch) for batch in self.store.batches[1:]]


def test_a_backlog_is_written_in_slices_between_live_batches():
    lanes = Lanes()
    lanes.hand_in("outage", [past(1, n) for n in range(2 * SLICE_READINGS + 1)])
    lanes.hand_in("live", [now(2)])

    assert lanes.go() == [SLICE_READINGS, 1, SLICE_READINGS, 1]
    assert lanes.told == {"first": 1, "live": 1, "outage": 2 * SLICE_READINGS + 1}


def test_small_backlogs_share_a_slice():
    lanes = Lanes()
    for device_id in range(SLICE_READINGS):
        lanes.hand_in(device_id, [past(device_id)])

    assert lanes.go() == [SLICE_READINGS]


def test_what_a_device_says_of_the_present_does_not_overtake_its_past():
    lanes = Lanes()
    lanes.hand_in("past", [past(1)])
    lanes.hand_in("present", [now(1)])
    lanes.hand_in("other", [now(2)])

    lanes.go()

    assert lanes.store.batches[1:] == [[LONG_AGO, 0], [0]]


def test_a_device_that_has_caught_up_is_live_again():
    commit = committing(Recorder())

    commit.submit([past(1)])

    assert not commit._behind


def test_a_full_backlog_lane_turns_no_live_reading_away():
    lanes = Lanes()
    lanes.hand_in("outage", [past(1)] * QUEUE_READINGS)

    with pytest.raises(IngestBusy):
        lanes.hand_in("another outage", [past(2)])
    lanes.hand_in("live", [now(3)])
    lanes.go()

    assert lanes.told["live"] == 1


def test_a_backlog_that_fails_half_way_frees_its_lane():
    lanes = Lanes(None, OperationalError(2006, "gone"))
    lanes.hand_in("outage", [past(1, n) for n in range(3 * SLICE_READINGS)])
    lanes.hand_in("later", [past(2)])

    lanes.go()

    assert isinstance(lanes.told["outage"], IngestBusy)
    assert lanes.told["later"] == 1
    assert (lanes.commit._backlog_readings, len(lanes.commit._behind)) == (0, 0)


def test_a_caller_that_fails_to_listen_harms_nobody():
    lanes = Lanes()
    lanes.commit.hand_in([now(1)], lambda outcomes, error: 1 / 0)
    lanes.hand_in("other", [now(2)])

    lanes.go()

    assert lanes.told["other"] == 1
