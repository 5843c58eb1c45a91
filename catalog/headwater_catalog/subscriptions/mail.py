"""Mails: how one is written, and how it is given to the server that sends it."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Final

from headwater_catalog.message_settings import MessageSettings
from headwater_catalog.subscriptions.undelivered import Ended, NotDelivered

__all__ = ["NO_MAIL", "mail_of", "send_mail"]

NO_MAIL: Final = (
    "This server sends no e-mail. An administrator sets HEADWATER_SMTP_HOST and HEADWATER_SMTP_FROM, then "
    "starts it again; see docs/subscriptions.md."
)

_SECONDS: Final = 20.0
_POLICY: Final = SMTP.clone(max_line_length=998)


def mail_of(
    settings: MessageSettings, to: str, key: str, subject: str, text: str, leave: str, now: int
) -> EmailMessage:
    """Return a mail.

    Args:
        settings: Who sends it.
        to: To whom.
        key: Names it, the same however often it is sent: mail programs show it once.
        subject: Its subject, which many see on its way and so tells nothing of the catalog.
        text: What it says.
        leave: The address by which it is never sent again, for programs, too (RFC 8058); empty for none.
        now: The present instant.
    """
    mail = EmailMessage(policy=_POLICY)
    domain = settings.smtp_from.rpartition("@")[2]
    mail["From"] = formataddr(("Headwater", settings.smtp_from))
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Message-ID"] = f"<{key}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if leave:
        mail["List-Unsubscribe"] = f"<{leave}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(text, cte="quoted-printable")
    return mail


def send_mail(settings: MessageSettings, mail: EmailMessage) -> str:
    """Give a mail to the server that sends it, and return in short what that said.

    Raises:
        NotDelivered: It was not taken.
        Ended: It will never be.
    """
    if not settings.smtp_host:
        raise NotDelivered(NO_MAIL)
    try:
        server = _opened(settings)
    except smtplib.SMTPAuthenticationError as error:
        raise NotDelivered(
            f"The mail server does not let HEADWATER_SMTP_USER in ({error.smtp_code})."
        ) from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"The mail server does not answer: {_said(error)}.") from error
    try:
        server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise _refused(code, said) from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error.smtp_error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"The mail server did not take the mail: {_said(error)}.") from error
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
        server.close()
    return "the mail server took it"


def _opened(settings: MessageSettings) -> smtplib.SMTP:
    server = _connected(settings)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
    except BaseException:
        server.close()
        raise
    return server


def _connected(settings: MessageSettings) -> smtplib.SMTP:
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=context)
    return smtplib.SMTP(host, port, timeout=_SECONDS)


def _refused(code: int, said: bytes | str) -> NotDelivered:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    told = f"The mail server refused it: {code} {' '.join(text.split())[:200]}"
    return Ended(told) if code >= 500 else NotDelivered(told)


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}{f': {text}' if text else ''}"
