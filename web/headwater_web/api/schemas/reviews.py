"""The shapes of reviews of changes."""

from __future__ import annotations

from marshmallow import Schema, fields

from headwater_web.api.schemas.compare import (
    DataflowChangeSchema,
    ReachedDatasetSchema,
    ReachedOutputsSchema,
    ReachedSchema,
    ReachSchema,
    TwoQuery,
)
from headwater_web.api.schemas.fields import (
    count,
    day_asked,
    flag,
    listed,
    mapping,
    optional_text,
    text,
    texts,
)
from headwater_web.api.schemas.governance import BroughtSchema

__all__ = ["ReviewQuery", "ReviewSchema"]


class ReviewQuery(TwoQuery):
    """What reviews are asked."""

    day = day_asked(
        "The day on which barriers and exceptions must hold; today unless given.", load_default=None
    )


class UnknownSchema(Schema):
    """A policy of which it cannot be told whether it holds."""

    rule = text("The policy.")
    reason = text("Why not.")


class TaintSchema(Schema):
    """A feature whose level of a classification a change has moved."""

    classification = text("The classification.")
    key = text("The feature.")
    was = optional_text("Its level before; null where it was not there.")
    now = optional_text("Its level after; null where it is gone.")
    rises = flag("Whether more flows in than before.")
    path = texts("A shortest way to it, as keys.")
    through = texts("The step of that way that the change has made or broken.")
    cause = text("What happened to the last of these.")


class ReviewedSchema(Schema):
    """A feature that changed itself."""

    key = text("`module:name`.")
    classes = texts("In which ways.")
    origin = optional_text("Its key before, if it moved.")
    because = texts("What beside its own text made the difference.")
    is_of_meaning = flag("Whether it means something else now.")
    owners = texts("Whom to ask, also those who owned it before.")


class AskedSchema(Schema):
    """Whom to ask about a change."""

    name = text("The owner; empty: nobody owns these.")
    changed = count("How many features of theirs changed themselves.")
    reached = count("How many others the change reaches.")


class RuleChangeSchema(Schema):
    """A rule that came, went, or is another than it was."""

    kind = text("policy, exception, classification, anonymiser, team, barrier, tag or owners.")
    name = text("Its name.")
    about = text("What else it is about.")
    change = text("added, removed or changed.")
    effect = text("Whether it loosens or tightens something.")
    details = texts("What changed of it.")
    path = text("The file that says it now.")
    line = count("Its line there; 0: unknown.")
    keys = texts("Of owners, the features that have others now.")


class ReviewSchema(Schema):
    """What a reviewer of a change must know."""

    repository = text("The repository.")
    before = optional_text("The first commit; null where the second has no parent.")
    after = text("The second commit.")
    day = text("The day on which barriers and exceptions had to hold.")
    features = count("How many features were looked at.")
    policies = count("How many policies hold.")
    problems = count("How many problems there are in the code, which may hide features.")
    findings = listed(BroughtSchema, "What the change brings.")
    known = listed(BroughtSchema, "What was wrong before, and is.")
    cleared = listed(BroughtSchema, "What was wrong before, and is not any more.")
    excepted = listed(BroughtSchema, "What would be wrong, but for an exception.")
    # A class of marshmallow has something else of this name.
    locals()["unknown"] = listed(UnknownSchema, "Policies of which nothing can be told.")
    taint = listed(TaintSchema, "What it does to classifications.")
    counts = mapping("How many features changed themselves, by change class.", fields.Integer())
    changed = listed(ReviewedSchema, "The features that changed themselves.")
    dataflows = listed(DataflowChangeSchema, "The dataflows that changed.")
    reached = listed(ReachedSchema, "The features downstream of a change of meaning.")
    modules = listed(ReachSchema, "How many features that concerns, by module.")
    outputs = listed(ReachedOutputsSchema, "What of the outputs of dataflows.")
    datasets = listed(ReachedDatasetSchema, "Which saved datasets.")
    owners = listed(AskedSchema, "Whom to ask.")
    rules = listed(RuleChangeSchema, "What it does to the rules themselves, what loosens something first.")
