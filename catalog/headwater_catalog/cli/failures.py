"""What a command says and which exit code it gives when it fails."""

from __future__ import annotations

import sys

import click

from headwater_catalog.cli.output import clean

__all__ = [
    "ASKED",
    "CANNOT",
    "FINDINGS",
    "WRONG_USE",
    "Failure",
    "Findings",
    "WrongUse",
    "failure_of",
    "misunderstood",
]

ASKED = "headwater.asked"
"""Under which the contexts of a command know whom it has asked elsewhere."""

FINDINGS = 1
"""Findings, or a run that failed."""
WRONG_USE = 2
"""The command was not used as it can be."""
CANNOT = 3
"""What was asked for cannot be done: something is missing or stands against it."""


class Failure(click.ClickException):
    """A command cannot do what was asked; its message goes to the standard error stream."""

    exit_code = CANNOT

    def __init__(self, message: str) -> None:
        super().__init__(clean(message))  # it may quote a repository, or another machine


class WrongUse(Failure):
    """A command was used in a way that means nothing."""

    exit_code = WRONG_USE


class Findings(Failure):
    """A command did its work and what it looked at is not in order."""

    exit_code = FINDINGS


def failure_of(error: Exception) -> Failure | None:
    """Return the failure that an error means to the user; None for a fault of Headwater itself."""
    # The error trees are imported here, since a command that does not fail need not pay for them.
    from headwater.errors import HeadwaterError
    from headwater_catalog.errors import CatalogError, JobError, QueryError, Unauthenticated

    if isinstance(error, QueryError):
        return WrongUse(str(error))
    if isinstance(error, Unauthenticated):
        return Failure(f"{error} Set HEADWATER_TOKEN to a token of yours that is good.")
    if isinstance(error, JobError):
        return Findings(str(error))
    if isinstance(error, (CatalogError, HeadwaterError)):
        return Failure(str(error))
    return _of_database(error)


def _of_database(error: Exception) -> Failure | None:
    if "sqlalchemy.exc" not in sys.modules:  # then it is none of its errors
        return None
    from sqlalchemy.exc import InterfaceError, OperationalError

    if not isinstance(error, (InterfaceError, OperationalError)):
        return None
    said = f"{error.orig}".partition("\n")[0]  # the text of the error itself would have the statement, too
    return Failure(
        f"The catalog's database does not answer: {said}. Try again, or see what HEADWATER_DATABASE_URL says."
    )


def misunderstood(url: str, error: Exception) -> Failure | None:
    """Return the failure that it is when another machine's answer has not the form that it should have."""
    if not isinstance(error, (LookupError, TypeError, ValueError, AttributeError)):
        return None
    return Failure(
        f"What answers at {url} is not understood ({type(error).__name__}: {error!s:.200}). Is it a "
        "catalog of the same version of Headwater?"
    )
