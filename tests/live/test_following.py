from factory.live import following as module
from factory.live.channels import Stream
from factory.live.following import Following


def follow(shards=4, **channels):
    following = Following(Stream("sensor", "sensor_data", shards=shards))
    following.add(channels)
    return following


def test_it_wants_the_keys_of_its_channels():
    following = follow(one=1, five=5)

    assert [key for key in range(8) if following.wants(key)] == [1, 5]


def test_a_channel_without_a_key_wants_everything():
    following = follow(one=1, all=None)

    assert following.wants(7)
    assert following.groups() == {f"live.sensor.{shard}" for shard in range(4)}


def test_two_names_for_the_same_are_dropped_one_by_one():
    following = follow(alerts=None, everything=None, one=1, uno=1)

    following.drop(["everything", "uno", "unknown"])
    assert following.names == ["alerts", "one"]
    assert following.wants(7)

    following.drop(["alerts"])
    assert not following.wants(7)
    assert following.wants(1)


def test_it_needs_the_groups_of_its_shards_and_no_others():
    following = follow(one=1, five=5, two=2)
    assert following.groups() == {"live.sensor.1", "live.sensor.2"}

    following.drop(["one", "two"])
    assert following.groups() == {"live.sensor.1"}

    following.drop(["five"])
    assert following.groups() == set()
    assert following.names == []


def test_a_name_that_means_another_key_now_is_followed_anew():
    following = follow(press=1)

    following.add({"press": 2})

    assert not following.wants(1)
    assert following.wants(2)


def test_a_batch_is_taken_once_and_in_order():
    following = follow(all=None)
    following.keep([(1, "a"), (2, "b")])
    following.keep([(1, "c")])

    assert following.take_batch() == ["a", "b", "c"]
    assert following.take_batch() == []
    assert following.take_skipped() == 0


def test_too_long_a_batch_keeps_the_newest_of_each_key_and_counts_the_rest(monkeypatch):
    monkeypatch.setattr(module, "PENDING_LIMIT", 3)
    following = follow(all=None)

    following.keep([(1, "a"), (2, "b"), (1, "c"), (1, "d")])

    assert sorted(following.take_batch()) == ["b", "d"]
    assert following.take_skipped() == 2
    assert following.take_skipped() == 0
