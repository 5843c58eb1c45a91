"""How people log in by OpenID Connect: the settings that begin with `oidc_`."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from headwater_catalog.errors import SettingError

__all__ = ["OIDC_NAMES", "OIDC_PREFIX", "ROLES", "OidcSettings", "is_safe_address", "oidc_settings"]

ROLES: Final = ("viewer", "runner", "steward", "administrator")
"""The names of `accounts.Role`, which itself needs the settings."""
OIDC_PREFIX: Final = "oidc_"
OIDC_NAMES: Final = tuple(
    OIDC_PREFIX + name
    for name in ("issuer", "client_id", "client_secret", "label", "required", "groups", "roles")
)


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """How people log in by OpenID Connect.

    Attributes:
        issuer: The address of the provider, as it calls itself.
        client_id: What the provider calls this catalog.
        client_secret: By what it knows it; empty for a public client.
        label: What the button on the login page says.
        required: A claim and a value that it must have or hold, or nobody logs in.
        groups: The claim that lists somebody's groups.
        roles: The role everywhere that members of groups have, at each login anew.
    """

    issuer: str
    client_id: str
    client_secret: str
    label: str
    required: tuple[str, str] | None
    groups: str
    roles: Mapping[str, str]


def oidc_settings(text: Callable[[str], str | None]) -> OidcSettings | None:
    """Return the settings of the login by OpenID Connect; None where no issuer is set.

    Args:
        text: Gives the text of a setting by its name.

    Raises:
        SettingError: One is missing, or has a value that cannot be used.
    """
    given = {name: text(name) for name in OIDC_NAMES}
    issuer, client_id = given["oidc_issuer"], given["oidc_client_id"]
    if issuer is None:
        useless = next((name for name, value in given.items() if value is not None), None)
        if useless is not None:
            raise SettingError(f"{useless} does nothing without oidc_issuer. Set both, or neither.")
        return None
    if client_id is None:
        raise SettingError("oidc_issuer needs oidc_client_id: what the provider calls this catalog.")
    if not is_safe_address(issuer, issuer):
        raise SettingError(
            f"oidc_issuer must be an address such as https://login.example.org, not {issuer!r:.200}."
        )
    return OidcSettings(
        issuer=issuer,
        client_id=client_id,
        client_secret=given["oidc_client_secret"] or "",
        label=given["oidc_label"] or "Log in by single sign-on",
        required=_required(given["oidc_required"]),
        groups=given["oidc_groups"] or "groups",
        roles=_roles(given["oidc_roles"]),
    )


def is_safe_address(address: str, issuer: str) -> bool:
    """Tell whether secrets may be sent to an address: by https, or from this machine to itself."""
    try:
        parts, home = urlsplit(address), urlsplit(issuer)
        parts.port  # noqa: B018  it is read when it is asked for, and may be none
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.fragment or any(map(str.isspace, address)):
        return False
    is_here = _is_here(parts.hostname) and home.scheme == "http" and _is_here(home.hostname or "")
    return parts.scheme == "https" or (parts.scheme == "http" and is_here)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _required(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    claim, found, value = text.partition("=")
    if not (claim and found and value):
        raise SettingError(f"oidc_required must be CLAIM=VALUE, such as groups=data, not {text!r:.200}.")
    return claim, value


def _roles(text: str | None) -> Mapping[str, str]:
    roles: dict[str, str] = {}
    for each in filter(None, (part.strip() for part in (text or "").split(","))):
        group, _, role = each.rpartition(":")
        if not group or role not in ROLES:
            raise SettingError(
                f"oidc_roles must be GROUP:ROLE, and more after commas, not {each!r:.200}. The roles are "
                f"{', '.join(ROLES)}."
            )
        roles[group] = role
    return roles
