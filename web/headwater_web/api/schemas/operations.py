"""The shapes of how the installation does."""

from __future__ import annotations

from marshmallow import Schema, fields

from headwater_web.api.schemas.fields import count, listed, mapping, nested, optional_text, text, texts

__all__ = ["OperationsSchema"]


class WorkerSchema(Schema):
    """A worker that has a job or has ended one within a day."""

    name = text("Its machine and process.")
    job = count("The job that it has; null for none.", allow_none=True)
    last_finished = optional_text("When it last ended one.")


class DiskSchema(Schema):
    """The disk of the home, in bytes."""

    total = count("How large it is.")
    free = count("How much of it is free.")
    mirrors = count("What the mirrors of repositories take.")
    datasets = count("What datasets take.")
    inputs = count("What inputs of runs take that no commit has.")
    values = count("What values take that runs keep for others.")
    environments = count("What the environments of repositories take.")


class DatabaseSchema(Schema):
    """The database."""

    address = text("Where it is, without its password.")
    schema = text("The revision of its tables.")
    bytes = count("How large it is; null where that is not known.", allow_none=True)


class SlowQuerySchema(Schema):
    """A statement that took long."""

    statement = text("The statement, without its values.")
    seconds = fields.Float(required=True, metadata={"description": "How long it took."})
    at = text("When.")


class OperationsSchema(Schema):
    """How the installation does."""

    needs = texts("What needs an administrator, in sentences.")
    jobs = mapping("How many jobs there are, by state.", fields.Integer())
    workers = listed(WorkerSchema, "Its workers, by name.")
    home = text("Where its files are.")
    disk = nested(DiskSchema, "The disk of that.")
    database = nested(DatabaseSchema, "The database.")
    slow_queries = listed(
        SlowQuerySchema, "The slowest statements of this server process since it was started."
    )
    versions = mapping("Versions of programs and packages.", fields.String())
