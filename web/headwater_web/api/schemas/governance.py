"""The shapes of findings, policies and classifications."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from headwater_catalog.found_findings import STATES
from headwater_catalog.rules import SEVERITIES
from headwater_web.api.schemas.commits import CommitSchema
from headwater_web.api.schemas.fields import (
    AtQuery,
    PageQuery,
    Text,
    count,
    flag,
    listed,
    mapping,
    named,
    nested,
    optional_text,
    page_of,
    repository_named,
    text,
    texts,
)

__all__ = [
    "BroughtSchema",
    "ClassificationsSchema",
    "DataReachSchema",
    "FindingPageSchema",
    "FindingsQuery",
    "PoliciesQuery",
    "PolicyPageSchema",
    "ReachQuery",
    "WhyQuery",
    "WhySchema",
]


class BroughtSchema(Schema):
    """Something that breaks a policy, or a rule that always holds."""

    rule = text("The policy, or the rule.")
    severity = text("error, warning or note.")
    message = text("What is wrong, and what to do.")
    key = text("The feature; empty where it is about a policy.")
    about = text("What else tells it apart: a feature that it needs, or a classification.")
    path = text("The file.")
    line = count("Its first line there; 0: unknown.")
    end_line = count("Its last line.")
    because = texts("A way downstream to the feature that shows it, as keys.")
    owners = texts("Whom to ask about the feature.")
    owner = text("Who made the policy.")
    fingerprint = text("The same as long as it is the same finding.")


class FindingSchema(BroughtSchema):
    """Something that breaks a policy, or a rule that always holds, with its history."""

    repository = text("Its repository.")
    since = nested(CommitSchema, "The commit of the main line that brought it.")
    at_least_since = flag("Whether it was there before that commit, which nobody has judged yet.")
    cleared = nested(
        CommitSchema, "The commit from which it is there no more; null while it is.", allow_none=True
    )


class FindingPageSchema(Schema):
    """A page of findings."""

    locals().update(page_of(FindingSchema, "Findings, the worst first."))


class FindingsQuery(PageQuery):
    """What lists of findings are asked."""

    repo = repository_named("Only findings in this repository.")
    rule = named("Only of this policy or rule.", "rule")
    severity = Text(
        validate=validate.OneOf(SEVERITIES), metadata={"description": "Only findings of this severity."}
    )
    owner = named("Only in features of this owner.", "owner")
    key = named("Only in this feature, by its whole key.", "feature")
    state = Text(
        load_default="open",
        validate=validate.OneOf(STATES),
        metadata={"description": "Those that are there, those that were, or both."},
    )


class ExceptionSchema(Schema):
    """What a policy leaves alone."""

    feature = text("A key or a name, with stars.")
    reason = text("Why.")
    until = text("The last day on which it holds; empty: for good.")


class PolicySchema(Schema):
    """A policy, and how a repository stands to it."""

    repository = text("The repository.")
    source = text("The file and the line that declare it; or: platform.")
    name = text("Its name.")
    query = text("Finds what breaks it.")
    scope = text("What it is about; empty: all.")
    needs = text("What must not be needed; empty: that is not asked.")
    message = text("What it tells whoever breaks it.")
    severity = text("error, warning or note.")
    owner = text("Who made it.")
    only_new = flag("Whether only what a change brings is a finding.")
    changed_only_by = texts("Who alone may change these features.")
    exceptions = listed(ExceptionSchema, "What it leaves alone.")
    findings = count("How many findings there are.")
    cleared = count("How many there were.")
    excepted = count("How many there would be but for exceptions.")
    about_changes = flag("Whether only a change can break it: pages of commits, and checks, tell.")
    not_judged = text("Why it cannot be judged; empty where it can.")


class PolicyPageSchema(Schema):
    """A page of policies."""

    locals().update(page_of(PolicySchema, "Policies, by repository."))


class PoliciesQuery(PageQuery):
    """What lists of policies are asked."""

    repo = repository_named("Only policies that hold for this repository.")


class SourceSchema(Schema):
    """One of the features and inputs that a classification comes from."""

    source = text("Its key.")
    level = text("The level that it says.")
    path = texts("A shortest way downstream from it to the feature, as keys.")


class ReasonsSchema(Schema):
    """Why a feature has a classification."""

    classification = text("Its key.")
    level = optional_text("The level that the feature has; null where it is not reached.")
    is_barrier = flag("Whether the feature is a barrier for it.")
    sources = listed(SourceSchema, "All that it comes from, the nearest first.")


class WhySchema(Schema):
    """Why a feature has its classifications."""

    key = text("The feature.")
    at = optional_text("The commit.")
    classifications = listed(ReasonsSchema, "Each of them, whether it is reached or not.")


class WhyQuery(AtQuery):
    """What is asked of the classifications of a feature."""

    classification = named("Only this one.", "classification", 100)


class StopSchema(Schema):
    """A place where a classification stops."""

    key = text("The feature where it stands.")
    kind = text("barrier or anonymiser.")
    reason = text("Why nothing comes through.")
    reviewer = text("Who has looked at that.")
    until = text("The last day on which it holds; empty: for good.")
    owners = texts("Whom to ask about it.")
    sources = texts("The keys of what it keeps from going on.")
    holds_back = texts("The keys that would have the classification otherwise.")


_COUNT = fields.Integer()


class InventorySchema(Schema):
    """What a classification does to the features of a repository."""

    classification = text("Its key.")
    doc = text("What it means.")
    carriers = mapping("What says it of itself, by key, with its level.", fields.String())
    reached = count("How many features have it.")
    levels = mapping("How many have which level.", _COUNT)
    modules = mapping("How many are in which module.", _COUNT)
    owners = mapping("How many are whose; an empty name is nobody.", _COUNT)
    datasets = mapping("How many columns of each dataset have it.", _COUNT)
    inputs = mapping("How many features downstream of each input from outside have it.", _COUNT)
    sources = mapping("The same of each source that dataflows declare for these inputs.", _COUNT)
    barriers = listed(StopSchema, "Where it stops.")


class ClassificationsSchema(Schema):
    """The classifications of a repository."""

    at = text("The commit.")
    day = text("The day on which barriers must hold.")
    classifications = listed(InventorySchema, "Each of them.")


class ReachQuery(AtQuery):
    """What is asked of how far data reaches."""

    of = named(
        "An input, such as input:email, a feature, or a source as classifications tell it.",
        "feature",
        1000,
        required=True,
    )
    classification = named("Only features that have this one.", "classification", 100)


class ReachElsewhereSchema(Schema):
    """What data reaches in another repository."""

    repository = text("Its name.")
    inputs = texts("The inputs that it comes in by.")
    features = count("How many features are downstream of these.")


class DataReachSchema(Schema):
    """How far data reaches from a source, an input or a feature."""

    at = text("The commit.")
    of = text("What was asked for.")
    classification = optional_text("What the features have that are counted; null: all count.")
    starts = texts("The keys of the inputs, or of the feature, that it begins with.")
    features = mapping("The features that are reached, by key, with their distance.", _COUNT)
    modules = mapping("How many are in which module.", _COUNT)
    owners = mapping("How many are whose; an empty name is nobody.", _COUNT)
    dataflows = mapping("How many are in which dataflow.", _COUNT)
    datasets = mapping("How many columns of each dataset they have made.", _COUNT)
    repositories = listed(ReachElsewhereSchema, "What is reached in other repositories.")
