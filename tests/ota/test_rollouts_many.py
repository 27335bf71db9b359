"""A thousand devices in five waves, 3 % of them failing."""

import pytest

from ota.models import Deployment
from ota.queries.rollouts import counts_by_wave, in_all
from ota.services.rollout_steps import resume_rollout, retry_rollout
from tests.builders import NOON
from tests.ota.rolling import advance, begin, make_plant, report, statuses, under_way

pytestmark = pytest.mark.django_db


def test_the_failing_wave_stops_the_next_one_and_the_counts_add_up_at_every_look():
    devices = make_plant(1000, zones=("Hall 1", "Hall 2", "Hall 3"))
    bad = {device.pk for device in devices if device.pk % 33 == 0}
    rollout = begin(1, 10, 25, 50, 100, devices=devices, failure=2, max_parallel=200)
    waves, pauses = [], []
    while rollout.status != "completed":
        if rollout.status == "paused":
            assert not under_way(rollout)
            pauses.append(rollout.current_wave)
            assert not rollout.places.filter(wave__gt=rollout.current_wave).exclude(status="planned").exists()
            resume_rollout(rollout=rollout, at=NOON)
        report(rollout, "failed", devices=bad)
        report(rollout)
        counts = counts_by_wave([rollout.pk])[rollout.pk]
        assert in_all(counts).total == 1000
        assert Deployment.objects.active().count() <= 200
        waves.append(rollout.current_wave)
        rollout = advance(rollout)

    assert sorted(set(waves)) == [1, 2, 3, 4, 5]
    assert pauses
    assert statuses(rollout) == {"succeeded": 1000 - len(bad), "failed": len(bad)}
    assert {wave: each.total for wave, each in counts.items()} == {1: 10, 2: 90, 3: 150, 4: 250, 5: 500}
    assert Deployment.objects.count() == 1000  # each had one turn

    rollout = advance(retry_rollout(rollout=rollout, at=NOON))
    report(rollout)
    assert advance(rollout).status == "completed"
    assert statuses(rollout) == {"succeeded": 1000}
    assert Deployment.objects.count() == 1000 + len(bad)
