"""Where a request comes from, as far as that can be believed."""

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CLIENTS_BITS = 64
"""Of an IPv6 address; a client has chosen the others (RFC 8981)."""


def client_address(request: HttpRequest) -> str:
    """The address of the client, in its canonical form; empty where there is none, as behind a Unix
    socket.

    A proxy that is trusted names the one before it at the end of X-Forwarded-For; what any other
    sends there says nothing.
    """
    address = canonical(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    if not forwarded or not is_trusted_proxy(address):
        return address
    for named in reversed(forwarded.split(",")):
        before = canonical(named.strip())
        if not before:  # no address: nobody further away can be believed
            break
        address = before
        if not is_trusted_proxy(address):
            break
    return address


def login_address(request: HttpRequest) -> str | None:
    """Where wrong passwords are counted, None where there is no address. Of IPv6 it is that of the
    network, as a client may come from any of the 2^64 addresses in it.
    """
    address = client_address(request).partition("%")[0]
    if ":" not in address:
        return address or None
    return str(ipaddress.ip_network((address, CLIENTS_BITS), strict=False).network_address)


def is_trusted_proxy(address: str) -> bool:
    """Whether what the peer of this address says of its clients is believed."""
    proxies = settings.EMBED.trusted_proxies
    return bool(proxies) and is_within(address, tuple(proxies))


@lru_cache(maxsize=10_000)
def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether the address lies in one of the networks, such as `10.0.0.0/8`; what is no address
    lies in none.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in map(ipaddress.ip_network, networks))


@lru_cache(maxsize=10_000)
def canonical(address: str) -> str:
    """The address as `ipaddress` spells it, an IPv4 one without its wrapping in IPv6; empty for
    what is none.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
