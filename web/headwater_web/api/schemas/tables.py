"""The shapes of logical tables."""

from __future__ import annotations

from marshmallow import Schema

from headwater_web.api.schemas.fields import anything, flag, listed, mapping, page_of, text, texts

__all__ = ["TablePageSchema", "TableSchema"]


class ColumnSchema(Schema):
    """A column of a table."""

    key = text("`table:connection:name#column`, as lineages have it.")
    name = text("Its name.")
    type = text("Its type, as the project declares it.")
    doc = text("What it means.")
    tags = mapping("Its tags.", anything("A value."))
    declared = flag("Whether the project declares it; else it is known from what reads or fills it.")
    readers = texts("Keys of the inputs and features that read it.")
    makers = texts("Keys of the features that fill it.")


class TableUseSchema(Schema):
    """A source or sink that is a table, or SQL in the code of a feature."""

    table = text("Key of the table.")
    is_filled = flag("Whether the table is filled, and not read.")
    dataflow = text("The dataflow; empty of SQL in code.")
    name = text("The source or sink; of SQL in code the feature's key.")


class TableSchema(Schema):
    """A table that dataflows read or fill, wherever it is."""

    key = text("`table:connection:name`, or `table:` and where it is.")
    name = text("What the project calls it; empty where it does not declare it.")
    place = text("Where it is.")
    doc = text("What it holds.")
    owner = text("Whom to ask about it.")
    tags = mapping("Its tags, which hold for all of its columns.", anything("A value."))
    columns = listed(ColumnSchema, "Its columns.")
    readers = texts("Keys of what reads it as a whole.")
    makers = texts("Keys of the features that fill it as a whole.")
    uses = listed(TableUseSchema, "What reads and fills it.")
    unclear = texts("What cannot be told for sure.")


class TablePageSchema(Schema):
    """A page of tables."""

    locals().update(page_of(TableSchema, "Tables by key."))
    sha = text("The commit as of which they are.")
