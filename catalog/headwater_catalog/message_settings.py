"""How people are told of what changes: the settings of mails and webhooks."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from headwater_catalog.errors import SettingError

__all__ = ["MESSAGE_NAMES", "NO_MESSAGES", "MessageSettings", "is_address", "message_settings"]

MESSAGE_NAMES: Final = (
    *("smtp_host", "smtp_port", "smtp_user", "smtp_password", "smtp_from", "smtp_security"),
    "webhook_hosts",
)
SECURITIES: Final = ("starttls", "tls", "none")
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_HOST: Final = re.compile(r"[a-z0-9][a-z0-9.-]*|[0-9a-f:.]+(?:/[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """How people are told of what changes.

    Attributes:
        smtp_host: The server that takes mails; empty where none are sent.
        smtp_port: Its port.
        smtp_user: As whom mails are sent; empty for nobody in particular.
        smtp_password: What proves that.
        smtp_from: The address that mails come from.
        smtp_security: `starttls`, `tls` from the beginning, or `none`.
        webhook_hosts: Hosts and networks that webhooks may reach although they are private.
    """

    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_from: str = ""
    smtp_security: str = "starttls"
    webhook_hosts: tuple[str, ...] = ()


NO_MESSAGES: Final = MessageSettings()


def is_address(text: str) -> bool:
    """Tell whether a text is one e-mail address, as programs write it, and nothing beside."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def message_settings(
    text: Callable[[str], str | None], number: Callable[[str, int, range], int]
) -> MessageSettings:
    """Return the settings of mails and webhooks.

    Args:
        text: Gives the text of a setting by its name.
        number: Gives the number of a setting, or else the one that is given, within a range.

    Raises:
        SettingError: One is missing, or has a value that cannot be used.
    """
    given = {name: text(name) or "" for name in MESSAGE_NAMES if name != "smtp_port"}
    security = given["smtp_security"] or "starttls"
    if security not in SECURITIES:
        raise SettingError(f"smtp_security must be starttls, tls or none, not {security!r:.80}.")
    if not given["smtp_host"]:
        useless = next((name for name, value in given.items() if value and name != "webhook_hosts"), None)
        if useless is not None:
            raise SettingError(f"{useless} does nothing without smtp_host. Set both, or neither.")
    elif not is_address(given["smtp_from"]):
        raise SettingError(
            f"smtp_host needs smtp_from: the address that mails come from, not {given['smtp_from']!r:.200}."
        )
    if given["smtp_password"] and not given["smtp_user"]:
        raise SettingError("smtp_password needs smtp_user: whose password it is.")
    if given["smtp_password"] and security == "none":
        raise SettingError(
            "smtp_password would be sent for everybody to read. Set smtp_security to starttls or tls."
        )
    return MessageSettings(
        smtp_host=given["smtp_host"],
        smtp_port=number("smtp_port", _PORTS[security], range(1, 65536)),
        smtp_user=given["smtp_user"],
        smtp_password=given["smtp_password"],
        smtp_from=given["smtp_from"],
        smtp_security=security,
        webhook_hosts=_hosts(given["webhook_hosts"]),
    )


def _hosts(text: str) -> tuple[str, ...]:
    found = tuple(filter(None, (part.strip().lower() for part in text.split(","))))
    for each in found:
        try:
            is_good = _HOST.fullmatch(each) is not None
            if "/" in each:
                ipaddress.ip_network(each)
        except ValueError:
            is_good = False
        if not is_good:
            raise SettingError(
                f"webhook_hosts must be hosts or networks, such as hooks.example.org or 10.0.5.0/24, with "
                f"commas between them, not {each!r:.200}."
            )
    return found
