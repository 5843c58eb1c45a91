"""Webhooks are signed, reach the public internet only, and go nowhere else."""

import hashlib
import hmac
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from headwater_catalog.errors import Conflict
from headwater_catalog.subscriptions import webhooks
from headwater_catalog.subscriptions.public_addresses import (
    NotPublic,
    addresses_of,
    is_public,
    read_target,
)
from headwater_catalog.subscriptions.undelivered import Ended, NotDelivered
from headwater_catalog.subscriptions.webhooks import new_secret, send_webhook
from support.receivers import Webhook, webhook_server

_HERE = ("127.0.0.1",)
_NOW = 1_800_000_000


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook_server() as hook:
        yield hook


_PRIVATE = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1"),
    *("203.0.113.5", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2001:0:808:808::1", "100::1"),
)


@pytest.mark.parametrize("address", _PRIVATE)
def test_private_addresses_and_what_hides_them_are_none_of_the_internet(address: str):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are(address: str):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("http://127.0.0.1/x", "not on the public internet"),
        ("http://[::ffff:7f00:1]:8080/", "not on the public internet"),
        ("https://169.254.169.254/latest/meta-data", "not on the public internet"),
        ("file:///etc/passwd", "https:// or http://"),
        ("gopher://hooks.example", "https:// or http://"),
        ("https:///nowhere", "https:// or http://"),
        ("https://user:pass@hooks.example/", "no user and password"),
        ("https://@hooks.example/", "no user and password"),
        ("https://hooks.example/#x", "behind '#'"),
        ("https://hooks.example:22/", "Port 22"),
        ("https://hooks.example:99999/", "is no address"),
        ("https://hooks.example/\r\nX-Evil: 1", "plain characters"),
        ("https://hooks.example\\@127.0.0.1/", "plain characters"),
        ("https://hööks.example/", "plain characters"),
        ("https://[::1/", "is no address"),
        ("https://hooks.example/" + "x" * 1000, "plain characters"),
    ],
)
def test_an_address_that_could_mean_something_else_is_refused(target: str, told: str):
    with pytest.raises(Conflict, match=told):
        read_target(target)


@pytest.mark.parametrize(
    "target", ["https://hooks.example/a?b=c", "http://hooks.example:8080", "https://8.8.8.8/"]
)
def test_other_addresses_may_be_used(target: str):
    assert read_target(target).hostname


def test_the_administrator_may_allow_hosts_and_networks():
    assert read_target("http://10.1.2.3:22/", ("10.1.2.3",)).port == 22
    assert read_target("http://10.1.2.3/", ("10.1.0.0/16",)).hostname == "10.1.2.3"
    with pytest.raises(Conflict):
        read_target("http://10.2.2.3/", ("10.1.0.0/16",))


def _resolves(patch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let each name mean the first answer, the next time the second one; return the names that are asked."""
    asked: list[str] = []

    def resolve(host: str, port: int, *_args, **_more):
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in answers[min(len(asked), len(answers)) - 1]
        ]

    patch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["169.254.169.254"]])
def test_a_name_that_leads_inside_is_refused_and_not_told_where_it_leads(
    monkeypatch: pytest.MonkeyPatch, answer: list[str]
):
    _resolves(monkeypatch, answer)
    with pytest.raises(Ended, match=r"'hooks\.example' is not on the public internet") as refused:
        send_webhook("http://hooks.example/", "s", "k", b"{}", _NOW)

    assert answer[-1] not in str(refused.value)


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch):
    """A name server that answers otherwise the second time changes nothing."""
    asked = _resolves(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    reached: list[tuple[str, int]] = []

    def connect(place: tuple[str, int], *_args, **_more):
        reached.append(place)
        raise OSError("nobody there")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NotDelivered, match=r"No connection to 'hooks\.example'"):
        send_webhook("http://hooks.example/", "s", "k", b"{}", _NOW)

    assert (asked, reached) == (["hooks.example"], [("8.8.8.8", 80)])


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "localhost"])
def test_other_ways_to_write_this_machine_are_found_out(host: str):
    try:
        socket.getaddrinfo(host, 80)
    except OSError:
        pytest.skip(f"This machine takes '{host}' for no address at all.")
    with pytest.raises(NotPublic):
        addresses_of(host, 80)


def test_a_request_is_signed_as_the_manual_says(hook: Webhook):
    secret, body = new_secret(), json.dumps({"a": 1}).encode()
    send_webhook(f"{hook.url}?x=1", secret, "the-key", body, _NOW, _HERE)

    (received,) = hook.received
    assert (received.path, received.body) == ("/hook?x=1", body)
    assert received.headers["Headwater-Delivery"] == "the-key"
    timestamp = received.headers["Headwater-Timestamp"]
    right = hmac.new(secret.encode(), timestamp.encode() + b"." + received.body, hashlib.sha256).hexdigest()
    assert received.headers["Headwater-Signature"] == f"v1={right}"
    assert received.headers["Host"] == hook.url.split("/")[2]


def test_a_redirect_is_not_followed(hook: Webhook):
    with webhook_server() as inside:
        hook.answer = lambda _number: (307, {"Location": inside.url})
        with pytest.raises(NotDelivered, match="answered 307, which leads elsewhere"):
            send_webhook(hook.url, "s", "k", b"{}", _NOW, _HERE)
        assert inside.received == []


def test_no_proxy_of_the_environment_is_asked(hook: Webhook, monkeypatch: pytest.MonkeyPatch):
    with webhook_server() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        send_webhook(hook.url, "s", "k", b"{}", _NOW, _HERE)
        assert (len(hook.received), proxy.received) == (1, [])


def test_who_answers_a_byte_at_a_time_is_not_waited_for(hook: Webhook, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webhooks, "_MOST_SECONDS", 0.3)
    hook.drip = 0.02
    began = time.monotonic()
    with pytest.raises(NotDelivered, match="did not answer as it should"):
        send_webhook(hook.url, "s", "k", b"{}", _NOW, _HERE)

    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("status", "ends"), [(410, True), (404, False), (500, False), (429, False)])
def test_only_who_says_that_it_is_gone_is_not_asked_again(hook: Webhook, status: int, ends: bool):
    hook.answer = lambda _number: (status, {})
    with pytest.raises(NotDelivered, match=str(status)) as refused:
        send_webhook(hook.url, "s", "k", b"{}", _NOW, _HERE)

    assert isinstance(refused.value, Ended) is ends


def test_what_answers_no_http_is_no_fault_of_ours():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            stream, _ = server.accept()
            with stream:
                stream.recv(1000)
                stream.sendall(b"\xff\x00 nonsense\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(NotDelivered, match="did not answer as it should"):
            send_webhook(f"http://127.0.0.1:{server.getsockname()[1]}", "s", "k", b"{}", _NOW, _HERE)
        thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a certificate of this machine that nobody has signed but itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=127.0.0.1")
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 1, datetime(2020, 1, 1), datetime(2090, 1, 1)
    )
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = made.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form) + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_who_cannot_prove_their_name_get_nothing(certificate: Path, monkeypatch: pytest.MonkeyPatch):
    with webhook_server(certificate) as hook:
        with pytest.raises(NotDelivered, match="No connection to '127"):
            send_webhook(hook.url, "s", "k", b"{}", _NOW, _HERE)
        assert hook.received == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # now somebody vouches for it
        assert send_webhook(hook.url, "s", "k", b"{}", _NOW, _HERE) == "answered 200"
