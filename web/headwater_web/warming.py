"""What searches and governance need, made before anybody asks: when a server begins, and after each scan."""

from __future__ import annotations

import gc
import logging
import threading
from typing import Final

from sqlalchemy import select

from headwater_catalog.days import today
from headwater_catalog.dead import DAYS, dead_features
from headwater_catalog.deprecations import deprecations
from headwater_catalog.duplicates_at import duplicates_at
from headwater_catalog.overview import figures_of
from headwater_catalog.search import heads, warm
from headwater_catalog.store.models import Repository
from headwater_catalog.suggested import suggestions_at
from headwater_web.governed import inventories
from headwater_web.kept_up import standing
from headwater_web.reading import Catalog

__all__ = ["Warmer"]

logger = logging.getLogger("headwater.web")

_SECONDS: Final = 2.0  # between two looks, each of them one small query
_LONGEST: Final = 60.0  # between two looks while they fail, since what fails may have taken long


class Warmer:
    """Keeps ready what searches at the heads of all repositories need.

    Args:
        catalog: The catalog that is searched.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._seen: object = None

    def start(self) -> None:
        """Look again and again, in a thread that ends with the process."""
        threading.Thread(target=self._run, name="warmer", daemon=True).start()

    def look(self) -> bool:
        """Make what is needed where a repository has another head than before; return whether one has.

        Raises:
            CatalogError: A repository cannot be read.
            SQLAlchemyError: The database does not answer.
        """
        with self._catalog.database.read() as session:
            rows = session.execute(select(Repository.id, Repository.scanned_sha, Repository.reader_version))
            now = sorted(map(tuple, rows))
            if now == self._seen:
                return False
            moments = heads(session, self._catalog.settings)
            warm(moments)
            for moment in moments:
                figures_of(moment)
                standing(moment)
                for _ in inventories(moment, today()):
                    pass
                dead_features(moment, DAYS, today())
                deprecations(moment)
                suggestions_at(moment, sees_personal=False)
            duplicates_at(moments)
        # What is kept is large and stays; to look through it for garbage would stop a request for a tenth of
        # a second.
        gc.collect()
        gc.freeze()
        self._seen = now
        return True

    def _run(self) -> None:
        pause, seconds, told = threading.Event(), _SECONDS, ""
        while True:
            try:
                self.look()
                seconds, told = _SECONDS, ""
            except Exception as error:  # a page will tell whoever asks, and the next look may go well
                self._seen = None
                seconds = min(2 * seconds, _LONGEST)
                if str(error) != told:
                    told = str(error)
                    logger.warning("Searches are not made ready: %s", told)
            pause.wait(seconds)
