"""Calls by which Git hosts say that something is new, and the signatures that prove whose they are.

GitHub, Gitea, Forgejo and Bitbucket sign the body by HMAC-SHA256; GitLab sends the secret itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

__all__ = ["is_from_host", "new_secret"]

_SIGNATURES: Final = ("X-Hub-Signature-256", "X-Hub-Signature", "X-Gitea-Signature", "X-Forgejo-Signature")
_PLAIN: Final = "X-Gitlab-Token"
_METHOD: Final = "sha256="


def new_secret() -> str:
    """Return a secret for a Git host to sign with."""
    return secrets.token_hex(24)


def is_from_host(header: Callable[[str], str | None], body: bytes, secret: str) -> bool:
    """Tell whether a call is by somebody who knows the secret.

    Args:
        header: Tells a header of the call by its name in any case; None where it is not there.
        body: Its body, byte by byte as it came.
        secret: The secret that the Git host was given.
    """
    right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # Some hosts send one by an older method, too, which does not count.
    signed = [said.removeprefix(_METHOD) for name in _SIGNATURES if (said := header(name))]
    if signed:
        return any(_same(each, right) for each in signed)
    return _same(header(_PLAIN) or "", secret)


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())
