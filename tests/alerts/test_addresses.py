from ipaddress import ip_network

import pytest

from alerts.outbox.addresses import why_port_refused, why_refused


@pytest.mark.parametrize(
    "address",
    ["203.0.113.9", "8.8.8.8", "172.32.0.1", "2001:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_the_internet_may_be_sent_to(address):
    assert why_refused(address, local=False) is None


PRIVATE = [
    "10.0.0.5",
    "192.168.1.20",
    "172.16.3.4",
    "100.64.0.1",
    "198.18.0.1",
    "240.0.0.1",
    "fd12::5",
    "fec0::1",
    "::ffff:10.0.0.5",
    "64:ff9b::a00:5",
    "2002:a00:5::",
]


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_are_reached_where_the_plant_names_them(address, local):
    ours = [ip_network(text) for text in ("0.0.0.0/0", "::/0")]

    refused = "is in a private network, and NOTIFY_NETWORKS does not name it"
    assert why_refused(address, local=local) == refused
    assert (
        why_refused(address, local=local, networks=[ip_network("10.0.0.6"), ip_network("fd13::/16")])
        == refused
    )
    assert why_refused(address, local=local, networks=ours) is None


@pytest.mark.parametrize(
    ("port", "is_good"),
    [
        (80, True),
        (443, True),
        (1024, True),
        (8443, True),
        (65535, True),
        (22, False),
        (25, False),
        (445, False),
        (0, False),
    ],
)
def test_ports_of_mail_files_and_shells_are_no_web_servers(port, is_good):
    assert (why_port_refused(port) is None) == is_good


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
    everything = [ip_network(text) for text in ("0.0.0.0/0", "::/0")]
    assert why_refused(address, local=local, networks=everything) is not None
