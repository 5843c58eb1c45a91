"""Duplicates, features that nothing needs, and deprecated ones, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import commit_json, perhaps_instant_json

if TYPE_CHECKING:
    from headwater_catalog.dead import DeadFeatures, Unneeded
    from headwater_catalog.deprecations import Deprecation
    from headwater_catalog.governance.duplicates import Function, Group
    from headwater_catalog.uses import Proof

__all__ = ["deprecation_json", "group_json", "member_json", "proof_json", "unneeded_json"]


def group_json(group: Group) -> dict[str, Any]:
    """Return functions that do the same, or almost, as JSON has them."""
    return {
        "id": group.id,
        "kind": group.kind,
        "size": group.size,
        "differing": list(group.differing),
        "likeness": None if group.likeness is None else group.likeness._asdict(),
        "members": [member_json(each) for each in group.members],
    }


def member_json(member: Function) -> dict[str, Any]:
    """Return one of several functions that do the same as JSON has it."""
    return {
        "repository": member.repository,
        "module": member.first.module,
        "function": member.name,
        "features": list(member.keys),
        "path": member.first.path,
        "line": member.first.line,
        "end_line": member.first.end_line,
        "type": member.first.type,
        "needs": sorted(member.needs),
        "owners": list(member.owners),
    }


def unneeded_json(repository: str, found: Unneeded) -> dict[str, Any]:
    """Return a feature that nothing is known to need as JSON has it."""
    past, last = found.past, found.last
    return {
        "repository": repository,
        "key": found.key,
        "state": found.state,
        "reason": found.reason,
        "path": found.feature.path,
        "line": found.feature.line,
        "owners": list(found.owners),
        "added": perhaps_instant_json(past.added if past else None),
        "changed": perhaps_instant_json(past.changed if past else None),
        "author": past.authors[0] if past and past.authors else None,
        "last_run": last.run if last else None,
        "last_run_at": perhaps_instant_json(last.at if last else None),
        "last_dataset": (last.dataset or None) if last else None,
    }


def proof_json(found: DeadFeatures) -> dict[str, Any]:
    """Return what was looked at to know what needs features of a repository as JSON has it."""
    proof: Proof = found.proof
    return {
        "repository": found.repository,
        "days": proof.days,
        "since": proof.since,
        "first": commit_json(proof.first),
        "commits": proof.commits,
        "outputs": dict(proof.outputs),
        "runs": proof.runs,
        "datasets": proof.datasets,
        "branches": [{"name": each.name, "sha": each.sha} for each in proof.branches],
        "repositories": list(proof.repositories),
        "doubts": list(proof.doubts),
        "needed": found.needed,
        "counts": dict(found.counts),
    }


def deprecation_json(found: Deprecation) -> dict[str, Any]:
    """Return a deprecated feature as JSON has it."""
    return {
        "repository": found.repository,
        "key": found.key,
        "said": found.said,
        "since": commit_json(found.since),
        "owners": list(found.owners),
        "users": [
            {"key": each.key, "owners": list(each.owners), "is_new": each.is_new} for each in found.users
        ],
        "new_users": len(found.new_users),
        "asked": list(found.asked),
        "datasets": list(found.datasets),
        "repositories": list(found.repositories),
    }
