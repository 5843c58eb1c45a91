"""Who may log in, what they may do and see, and the log of what they did."""

from headwater_catalog.accounts.actor import Actor, Role
from headwater_catalog.accounts.visibility import restrict

__all__ = ["Actor", "Role", "restrict"]
