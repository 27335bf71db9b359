"""Which addresses a message of ours may never be sent to, whoever asks for it: pure."""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.utils.translation import gettext

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Networks that belong to somebody: reached only where the plant says that they are its own.
INNER = [
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
        "100.64.0.0/10",  # between a provider and its customers
        *("192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4"),  # not routed, and used inside here and there
        *("fc00::/7", "fec0::/10"),  # the same of IPv6
    )
]
WEB_PORTS = {80, 443}
FREE_PORTS = 1024  # from here on plants have their gateways; below it live mail, files, shells

# Where clouds tell a machine its own secrets; the usual one, 169.254.169.254, is link-local anyway.
METADATA = {ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")}
THIS_NETWORK = ip_network("0.0.0.0/8")  # Linux takes 0.0.0.0 for itself
TRANSLATED = ip_network("64:ff9b::/96")  # IPv4 behind NAT64
# Other ways of writing IPv4 into IPv6; which address is meant is for a router to say, or for nobody any more.
WRAPPED = [ip_network(text) for text in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48")]


def why_refused(text: str, *, local: bool, networks: Collection[Network] = ()) -> str | None:
    """What speaks against sending to this IP address; None when nothing does.

    `local` lets this machine itself be reached, `networks` the addresses in these; neither opens anything else.
    """
    address = meant(text)
    if address.is_loopback or address.is_unspecified:
        return None if local else gettext("is this server itself")
    if address.is_link_local:
        return gettext("is a link-local address")
    if address in METADATA:
        return gettext("belongs to the cloud around this server")
    if any(address in network for network in WRAPPED):
        return gettext("is an IPv4 address in disguise")
    if address.is_multicast or address == ip_address("255.255.255.255") or _is_this_network(address):
        return gettext("is no address of one machine")
    if _is_in(address, INNER) and not _is_in(address, networks):
        return gettext("is in a private network, and NOTIFY_NETWORKS does not name it")
    return None


def why_port_refused(port: int) -> str | None:
    """What speaks against this port; None when nothing does."""
    if port in WEB_PORTS or FREE_PORTS <= port < 65536:
        return None
    return gettext("is asked for at port %(port)s, which is none of a web server's") % {"port": port}


def meant(text: str) -> Address:
    """The address that is spoken to: the IPv4 one where an IPv6 one only wraps it."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_in(address: Address, networks: Collection[Network]) -> bool:
    return any(address in network for network in networks)  # of the other version is in none


def _is_this_network(address: Address) -> bool:
    return isinstance(address, IPv4Address) and address in THIS_NETWORK
