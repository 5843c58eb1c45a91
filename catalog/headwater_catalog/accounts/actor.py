"""Somebody who asks for something, with the roles that say what they may."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from headwater_catalog.errors import Conflict

__all__ = ["Actor", "Role"]


class Role(IntEnum):
    """What somebody may do; each role may also do what those before it may."""

    VIEWER = 1
    """See everything of a repository."""
    RUNNER = 2
    """Execute its features, and have it scanned."""
    STEWARD = 3
    """Say what its data is and who may have it; see personal data in what its runs made."""
    ADMINISTRATOR = 4
    """Change how it is followed; everywhere, also who may log in."""

    @property
    def label(self) -> str:
        """Return the name as people write it."""
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> Role:
        """Return the role of a name.

        Raises:
            Conflict: There is none.
        """
        for role in cls:
            if role.label == label:
                return role
        known = ", ".join(role.label for role in cls)
        raise Conflict(f"There is no role {label!r:.80}. The roles are {known}.")


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who asks for something.

    Attributes:
        name: Their name, as logs and runs tell it.
        everywhere: Their role in every repository, if they have one.
        roles: Their roles in some, by the numbers of these.
        account_id: Their account; None where there are no accounts.
        is_token: Whether a program asks for them by a token, which manages no accounts.
    """

    name: str
    everywhere: Role | None = None
    roles: Mapping[int, Role] = field(default_factory=dict)
    account_id: int | None = None
    is_token: bool = False

    @property
    def visible(self) -> frozenset[int] | None:
        """The numbers of the repositories that they may see; None means all."""
        return frozenset(self.roles) if self.everywhere is None else None

    @property
    def is_administrator(self) -> bool:
        """Whether they may manage accounts."""
        return self.everywhere is Role.ADMINISTRATOR and not self.is_token

    def may(self, role: Role, repository_id: int) -> bool:
        """Tell whether they have a role, or a higher one, in a repository."""
        return max(self.everywhere or 0, self.roles.get(repository_id, 0)) >= role

    def sees_personal(self, repository_id: int) -> bool:
        """Tell whether they may see personal data in what runs of a repository made."""
        return self.may(Role.STEWARD, repository_id)

    def lend(self, most: Role, repositories: Collection[int] | None) -> Actor:
        """Return what a token may that lends at most a role, in some repositories; None means in all."""
        if repositories is None:
            here = {number: min(role, most) for number, role in self.roles.items()}
            everywhere = None if self.everywhere is None else min(self.everywhere, most)
        else:
            own = {number: max(self.everywhere or 0, self.roles.get(number, 0)) for number in repositories}
            here = {number: min(Role(role), most) for number, role in own.items() if role}
            everywhere = None
        return replace(self, everywhere=everywhere, roles=here, is_token=True)
