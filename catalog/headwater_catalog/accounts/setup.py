"""The code by which whoever starts the server makes the first administrator."""

from __future__ import annotations

import hashlib
import hmac

from headwater_catalog.settings import Settings

__all__ = ["is_setup_code", "setup_code"]


def setup_code(settings: Settings) -> str:
    """Return the code, which follows from the signing key: every process of a server knows the same one."""
    return hmac.new(settings.signing_key().encode(), b"first administrator", hashlib.sha256).hexdigest()[:32]


def is_setup_code(settings: Settings, text: str) -> bool:
    """Tell whether a text is the code, in a time that does not depend on where it differs."""
    return hmac.compare_digest(setup_code(settings).encode(), text.encode("utf-8", "replace"))
