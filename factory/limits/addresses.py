"""From where a request comes. Only proxies that we are told of are believed when they speak for others."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings

IPV6_HOME = 64  # bits: whoever has one IPv6 address has all that begin alike

Network = IPv4Network | IPv6Network
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1"))


def client_address(meta: Mapping[str, Any]) -> str:
    """The sender's address: the connection's, or what a trusted proxy in front says of it."""
    peer = str(meta.get("REMOTE_ADDR") or "")
    proxies = settings.TRUSTED_PROXIES
    if not proxies or not _is_among(peer, tuple(proxies)):
        return peer
    # Each proxy adds at the end whom it heard: from there back, the first that is none of ours is the sender.
    for heard in reversed(str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
        address = _plain(heard)
        if not address:
            return peer
        peer = address
        if not _is_among(peer, tuple(proxies)):
            break
    return peer


def speaks_for_others(peer: str) -> bool:
    """Whether this peer is a proxy of ours: one of TRUSTED_PROXIES or, where none is named, this machine itself."""
    return _is_among(peer, tuple(settings.TRUSTED_PROXIES) or LOOPBACK)


def home_of(address: str) -> str:
    """What is counted as one place: an IPv4 address, or an IPv6 network."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ip_network((found, IPV6_HOME), strict=False))
    return str(found)


def read_networks(words: Iterable[str]) -> list[Network]:
    """Addresses and networks; raises ValueError for anything else."""
    return [ip_network(word) for word in words]


def _plain(text: str) -> str:
    """The address in an entry of X-Forwarded-For, which some proxies write with a port; "" for nonsense."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


@lru_cache(maxsize=1024)
def _is_among(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in networks)
