"""The shapes of modules."""

from __future__ import annotations

from marshmallow import Schema, fields

from headwater_web.api.schemas.commits import CommitSchema
from headwater_web.api.schemas.fields import count, listed, mapping, page_of, text, texts
from headwater_web.api.schemas.repositories import FileProblemSchema

__all__ = ["ModulePageSchema", "ModuleSchema"]


class ModuleRowSchema(Schema):
    """A module in passing."""

    name = text("Its name.")
    path = text("Its file.")
    features = count("How many features it defines.")


class ModulePageSchema(Schema):
    """A page of modules."""

    locals().update(page_of(ModuleRowSchema, "Modules by name."))
    sha = text("The commit as of which they are.")


class ModuleSchema(Schema):
    """A module at one commit."""

    name = text("Its name.")
    path = text("Its file; empty where nothing that it defines tells.")
    features = texts("Keys of its features, in the order of the file.")
    owners = mapping("Whom to ask, and for how many of its features; '' is nobody.", fields.Integer())
    dataflows = texts("Names of the dataflows that have it.")
    needs = mapping("Modules that it needs features of, and how many.", fields.Integer())
    gives = mapping("Modules that need features of it, and how many do.", fields.Integer())
    inputs = texts("Inputs from outside that its features need.")
    problems = listed(FileProblemSchema, "What in its file could not be read as meant.")
    commits = listed(CommitSchema, "The latest commits of the main line that changed its file.")
    sha = text("The commit as of which it is.")
