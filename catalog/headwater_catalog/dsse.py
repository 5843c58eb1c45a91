"""Signed envelopes: DSSE with Ed25519 keys, made and verified with nothing but the bytes.

The form is that of the Dead Simple Signing Envelope (https://github.com/secure-systems-lab/dsse), version 1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from headwater.errors import MissingExtra
from headwater_catalog.errors import CatalogError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["InvalidSignature", "key_id", "new_key", "public_key_of", "sign", "verify"]


class InvalidSignature(CatalogError):
    """An envelope is not signed by the key that is believed."""


def new_key() -> str:
    """Return a new private key as PEM."""
    serialization, ed25519 = _cryptography()
    return str(
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode("ascii")
    )


def public_key_of(private: str) -> str:
    """Return the public key of a private one, both as PEM.

    Raises:
        CatalogError: It is no Ed25519 key.
    """
    serialization, _ = _cryptography()
    key = _private(private).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_bytes(serialization.Encoding.PEM, form).decode("ascii"))


def key_id(public: str) -> str:
    """Return by what a public key is named: the sha256 of its DER form."""
    serialization, _ = _cryptography()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(_public(public).public_bytes(serialization.Encoding.DER, form)).hexdigest()


def sign(payload: Mapping[str, Any], kind: str, private: str) -> dict[str, Any]:
    """Return an envelope around JSON of a media type, signed."""
    body = json.dumps(payload, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
    signature = _private(private).sign(_signed_bytes(kind, body))
    return {
        "payload": base64.b64encode(body).decode("ascii"),
        "payloadType": kind,
        "signatures": [
            {
                "keyid": key_id(public_key_of(private)),
                "sig": base64.b64encode(signature).decode("ascii"),
            }
        ],
    }


def verify(envelope: Any, kind: str, public: str) -> dict[str, Any]:
    """Return what is in an envelope, when the key has signed it.

    Raises:
        InvalidSignature: It has not, or what it signed was changed.
        CatalogError: That is no such envelope, or no key.
    """
    from cryptography.exceptions import InvalidSignature as Wrong

    key = _public(public)
    try:
        body = base64.b64decode(envelope["payload"], validate=True)
        told, signatures = envelope["payloadType"], envelope["signatures"]
        given = [base64.b64decode(each["sig"], validate=True) for each in signatures]
    except (KeyError, TypeError, binascii.Error, ValueError):
        raise CatalogError("That is no signed envelope: give a file as Headwater has written it.") from None
    if told != kind:
        raise CatalogError(f"The envelope holds {told!r:.80}, and not {kind}.")
    for signature in given:
        try:
            key.verify(signature, _signed_bytes(kind, body))
        except Wrong:
            continue
        found: dict[str, Any] = json.loads(body)
        return found
    raise InvalidSignature(
        "It is not signed by this key: what it says was changed, or another key has signed it."
    )


def _signed_bytes(kind: str, body: bytes) -> bytes:
    """Return what is signed: the type counts, too, and lengths leave no doubt where it ends."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(body), body)


def _private(pem: str) -> Ed25519PrivateKey:
    serialization, ed25519 = _cryptography()
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise CatalogError(f"The key of manifests cannot be read: {error}.") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise CatalogError("The key of manifests is no Ed25519 key. Make one: headwater manifest key")
    return cast("Ed25519PrivateKey", key)


def _public(pem: str) -> Ed25519PublicKey:
    serialization, ed25519 = _cryptography()
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, TypeError) as error:
        raise CatalogError(f"The public key cannot be read: {error}.") from None
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise CatalogError("The public key is no Ed25519 key. `headwater manifest key` prints the right one.")
    return cast("Ed25519PublicKey", key)


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ModuleNotFoundError as error:
        raise MissingExtra("cryptography", "manifest", "A signed manifest") from error
    return serialization, ed25519
