"""The query language: reading, meaning, and finding fast what meets a query."""

from headwater_catalog.query.fields import FIELDS
from headwater_catalog.query.syntax import Query, Term, parse_query, term_text

__all__ = ["FIELDS", "Query", "Term", "parse_query", "term_text"]
