"""Where a request comes from, and who is believed about it."""

import pytest

from factory.limits.addresses import client_address, home_of, read_networks


def address(forwarded="", peer="127.0.0.1"):
    return client_address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded})


def test_nobody_is_believed_unless_told(settings):
    settings.TRUSTED_PROXIES = []

    assert address("203.0.113.7") == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7:50112", "203.0.113.7"),
        ("127.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        (
            "127.0.0.1",
            "1.2.3.4, 203.0.113.7, 10.1.2.3",
            "203.0.113.7",
        ),  # what the client wrote itself is first
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, nonsense", "127.0.0.1"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("198.51.100.1", "203.0.113.7", "198.51.100.1"),  # no proxy of ours
        ("", "203.0.113.7", ""),
    ],
)
def test_the_last_whom_our_proxies_do_not_know_is_the_sender(settings, peer, forwarded, found):
    settings.TRUSTED_PROXIES = read_networks(["127.0.0.1", "10.0.0.0/8"])

    assert address(forwarded, peer) == found


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_network_is_one_home(address, home):
    assert home_of(address) == home
