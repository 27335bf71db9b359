import pytest

from alerts.outbox.addresses import why_refused


@pytest.mark.parametrize(
    "address",
    ["10.0.0.5", "192.168.1.20", "172.16.3.4", "203.0.113.9", "8.8.8.8", "fd12::5", "2001:4860::8888"],
)
def test_plants_live_on_private_addresses_too(address):
    assert why_refused(address, local=False) is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "::1",
        "0.0.0.0",
        "::",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_this_server_itself_is_reached_only_where_that_is_switched_on(address):
    assert why_refused(address, local=False) == "is this server itself"
    assert why_refused(address, local=True) is None


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "64:ff9b:1::a00:5",
        "::127.0.0.1",
        "::10.0.0.5",
        "::ffff:0:10.0.0.5",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "0.1.2.3",
    ],
)
def test_what_is_no_plants_is_refused_always(address, local):
    assert why_refused(address, local=local) is not None
