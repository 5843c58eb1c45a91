"""The shape of errors."""

from __future__ import annotations

from marshmallow import Schema, fields

from headwater_web.api.schemas.fields import count, text

__all__ = ["ProblemSchema"]


class FaultSchema(Schema):
    """A parameter that is wrong."""

    location = text("Where it is: query or body.", data_key="in")
    parameter = text("Its name; empty where the body as a whole is wrong.")
    detail = text("What is wrong with it.")


class ProblemSchema(Schema):
    """A problem document, as RFC 9457 has it."""

    type = text("Names the sort of problem; about:blank where the status says it all.")
    title = text("The sort of problem in a few words.")
    status = count("The HTTP status.")
    detail = text("What is wrong here, and what to do.")
    errors = fields.List(
        fields.Nested(FaultSchema), metadata={"description": "The parameters that are wrong."}
    )
    position = fields.Integer(metadata={"description": "Where in the query it is, counted from 0."})
    candidates = fields.List(
        fields.String(), metadata={"description": "Keys of the features that an ambiguous name may mean."}
    )
