"""Every error the catalog raises, in one tree.

CatalogError
├ RepositoryError   a git repository, ref or transport that cannot be read
├ NotFound          a thing asked for by name that is not there
├ Conflict          what is asked for contradicts what stands
├ Forbidden         the asker may not
├ Unauthenticated   nobody knows who asks
├ QueryError        a query that cannot be understood; `position` in its text
├ SettingError      a setting that is unknown or wrong
├ JobError          a job that ended without a result
│ └ QuotingError    whose message quotes what data or code may have said
└ SchemaOutdated    the database is of another version than the code
"""

from __future__ import annotations

__all__ = [
    "CatalogError",
    "Conflict",
    "Forbidden",
    "JobError",
    "NotFound",
    "QueryError",
    "QuotingError",
    "RepositoryError",
    "SchemaOutdated",
    "SettingError",
    "Unauthenticated",
]


class CatalogError(Exception):
    """The root of what the catalog raises."""


class RepositoryError(CatalogError):
    """A git repository, a ref or a transport cannot be used."""


class NotFound(CatalogError):
    """What was asked for by name is not in the catalog."""


class Conflict(CatalogError):
    """What was asked for contradicts what is already there."""


class Forbidden(CatalogError):
    """The asker may not do this."""


class Unauthenticated(CatalogError):
    """Who asks has to log in first."""


class QueryError(CatalogError):
    """A query cannot be understood; `position` counts characters from 0."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class TooSlow(QueryError):
    """A query takes longer than whoever asks will wait."""


class SettingError(CatalogError):
    """A setting is unknown or has a value that cannot be used."""


class JobError(CatalogError):
    """A job ended without a result."""


class QuotingError(JobError):
    """A job ended without a result, and the message quotes what data or code may have said.

    Attributes:
        plain: What happened, without that.
    """

    def __init__(self, message: str, plain: str) -> None:
        super().__init__(message)
        self.plain = plain


class SchemaOutdated(CatalogError):
    """The database was made by another version of Headwater."""
