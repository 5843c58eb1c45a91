"""Which addresses are those of the public internet, and connections that go to nowhere else.

A name is resolved once for each request, all that it leads to is looked at, and the connection is made to
that very address: a name server that answers otherwise the second time (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from headwater_catalog.errors import CatalogError, Conflict

__all__ = ["NotPublic", "addresses_of", "connection_to", "is_public", "read_target"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_REFUSED: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24"),
            *("198.18.0.0/15", "240.0.0.0/4"),
            # Local, of documentation, and those that hide one of the fourth version: compatible, 6to4,
            # Teredo, and NAT64 within a network.
            *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16"),
            *("3fff::/20", "5f00::/16", "fc00::/7", "fec0::/10"),
        ),
    )
)
"""Beside what Python knows to be private; 168.63.129.16 tells the machines of a large cloud their secrets."""

_LEAST_PORT: Final = 1024
_USUAL_PORTS: Final = (80, 443)
_LONGEST: Final = 1000


class NotPublic(CatalogError):
    """An address that is not of the public internet, to which nothing is sent."""


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, of one machine, and means nothing else."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.scope_id is not None:
            return False
    if address.is_multicast or not address.is_global:
        return False
    return not any(address in network for network in _REFUSED if network.version == address.version)


def read_target(text: str, allowed: Sequence[str] = ()) -> SplitResult:
    """Return the parts of an address to which something may be sent, as far as that shows without looking.

    Args:
        text: The address.
        allowed: Hosts and networks that may be reached although they are private.

    Raises:
        Conflict: It is none, or none to which anything is sent.
    """
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise Conflict(
            f"A webhook needs an address of up to {_LONGEST} plain characters; write a name in other letters "
            "with xn--, and what is behind it with %."
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise Conflict(f"{text!r:.200} is no address: {error}.") from None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise Conflict(f"A webhook needs an address that begins with https:// or http://, not {text!r:.200}.")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise Conflict("The address of a webhook has no user and password in it: what is sent is signed.")
    if parts.fragment:
        raise Conflict("The address of a webhook has no part behind '#', which would never be sent.")
    if _is_named(host, allowed):
        return parts
    if port is not None and port < _LEAST_PORT and port not in _USUAL_PORTS:
        raise Conflict(
            f"Port {port} is one of other services. A webhook uses 80, 443, or one from {_LEAST_PORT}."
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return parts
    _require_public(address, host, allowed)
    return parts


def _is_named(host: str, allowed: Sequence[str]) -> bool:
    return host.lower() in allowed


def _require_public(address: Address, host: str, allowed: Sequence[str]) -> None:
    if is_public(address) or any(address in ipaddress.ip_network(each) for each in allowed if "/" in each):
        return
    # The address is not told: who asks must not learn what names mean inside.
    raise Conflict(
        f"'{host}' is not on the public internet, so nothing is sent there. An administrator may allow it by "
        "HEADWATER_WEBHOOK_HOSTS."
    )


def addresses_of(host: str, port: int, allowed: Sequence[str] = ()) -> list[str]:
    """Return the addresses that a name means now, all of which may be reached.

    Raises:
        NotPublic: One of them may not be reached.
        OSError: Nothing has this name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if not _is_named(host, allowed):
        for each in addresses:
            try:
                _require_public(ipaddress.ip_address(each), host, allowed)
            except Conflict as refused:
                raise NotPublic(str(refused)) from None
    return addresses


def connection_to(
    parts: SplitResult,
    seconds: float,
    allowed: Sequence[str] = (),
    hold: Callable[[socket.socket], None] = lambda stream: None,
) -> http.client.HTTPConnection:
    """Return a connection that is made, to an address that was looked at; no proxy is asked.

    Args:
        parts: The address, as `read_target` gives it.
        seconds: How long the other side may be silent.
        allowed: Hosts and networks that may be reached although they are private.
        hold: Given the stream before anything is said on it.

    Raises:
        NotPublic: It leads to where nothing is sent.
        OSError: Nobody answers there.
    """
    host, is_safe = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if is_safe else 80)
    made: OSError | None = None
    for address in addresses_of(host, port, allowed)[:3]:
        try:
            stream = socket.create_connection((address, port), seconds)
        except OSError as error:
            made = error
            continue
        try:
            if is_safe:
                stream = _encrypted(stream, host)
            hold(stream)
            if isinstance(stream, ssl.SSLSocket):
                stream.do_handshake()
        except BaseException:
            stream.close()
            raise
        # It has its stream already, and so never looks for one itself.
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
        connection.sock = stream
        connection.auto_open = 0
        connection.default_port = 443 if is_safe else 80  # which a request does not mention
        return connection
    raise made or OSError(f"Nothing has the name '{host}'.")


def _encrypted(stream: socket.socket, host: str) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    return context.wrap_socket(stream, server_hostname=host, do_handshake_on_connect=False)
