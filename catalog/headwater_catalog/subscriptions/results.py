"""What a watched query finds in one repository: at its scanned head, and at commits before."""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.errors import CatalogError
from headwater_catalog.found_findings import asked_findings
from headwater_catalog.grounds import open_grounds
from headwater_catalog.moments import Moment
from headwater_catalog.query import parse_query
from headwater_catalog.query.evaluate import find_sets
from headwater_catalog.query.find import find
from headwater_catalog.query.postings import flags_of
from headwater_catalog.store.models import Finding
from headwater_catalog.subscriptions.watched import FEATURES, Watched

__all__ = [
    "Result",
    "Told",
    "features_at",
    "open_findings",
    "packed",
    "result_at",
    "stored_found",
    "unpacked",
]

_MOST_SECONDS: Final = 2.0  # that one query may take in one repository

Told = Sequence[str]
"""What is told of a finding: its rule, severity, feature and message, and as what it began."""

_NOTHING: Final[Told] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What a watched query finds.

    Attributes:
        found: Keys of features, or fingerprints of findings, each with what is told of it; None where that
            cannot be known.
        problem: What is wrong with the query there; empty where nothing is.
    """

    found: Mapping[str, Told] | None
    problem: str = ""

    @property
    def digest(self) -> str:
        """The same wherever the same is found, which always comes in the same order."""
        return hashlib.sha256("\n".join(self.found or ()).encode()).hexdigest()

    @property
    def content(self) -> bytes:
        """What is found as it is stored."""
        found = self.found or {}
        is_told = any(found.values())
        return packed({key: list(told) for key, told in found.items()} if is_told else list(found))


def result_at(watched: Watched, moment: Moment) -> Result:
    """Return what is found in a repository: findings at its scanned head, whatever the moment."""
    if watched.about == FEATURES:
        return features_at(watched, moment)
    return open_findings(moment.session, watched, moment.repository.id)


def features_at(watched: Watched, moment: Moment) -> Result:
    """Return the features that a query finds at a moment, which are those that the search page lists.

    A term that names what is not there finds nothing, which is told as a problem. What must *not* meet such a
    term would be everything, which nobody means: then nothing is known.
    """
    until = time.monotonic() + _MOST_SECONDS
    found: dict[str, Told] = {}
    problem = ""
    try:
        query = parse_query(watched.query, growing=True)
        for ground in open_grounds(query, [moment], None):
            sets, missing = find_sets(query, ground.index.scope, None, until)
            problem = problem or (str(missing[0].error()) if missing else "")
            if any(each.term in query.unwanted for each in missing):
                return Result(None, problem)
            bits = find(query, ground.index, sets, ground.base, until).bits
            keys = ground.index.numbers  # in the order of the bits
            found.update(dict.fromkeys(compress(keys, flags_of(bits, ground.index.size)), _NOTHING))
    except CatalogError as error:
        return Result(None, str(error))
    return Result(found, problem)


def open_findings(session: Session, watched: Watched, repository_id: int) -> Result:
    """Return the findings that are there in a repository, as far as it is judged."""
    columns = (Finding.fingerprint, Finding.rule, Finding.severity, Finding.key, Finding.message)
    wanted = asked_findings(select(*columns, Finding.begun_as), watched.findings)
    in_order = wanted.where(Finding.repository_id == repository_id).order_by(Finding.fingerprint)
    rows = session.execute(in_order).all()
    return Result({row[0]: list(row[1:]) for row in rows})


def stored_found(content: bytes) -> Mapping[str, Told]:
    """Return what was found, as it is stored."""
    data = unpacked(content)
    return data if isinstance(data, dict) else dict.fromkeys(data, _NOTHING)


def packed(data: Any) -> bytes:
    """Return data as it is stored."""
    return zlib.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def unpacked(stored: bytes) -> Any:
    """Return stored data."""
    return json.loads(zlib.decompress(stored))
