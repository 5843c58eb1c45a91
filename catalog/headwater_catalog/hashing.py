"""Hashes of definitions by what they do, and what changed between two states of a feature."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from headwater.normal_form import digest, normal_form

__all__ = ["Traits", "change_classes", "code_hash", "definition_digest", "signature_text"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Traits(NamedTuple):
    """What one version of a feature is compared by.

    Attributes:
        digest: `definition_digest` of its source.
        code_hash: `code_hash` of its source.
        signature: Its type and the names and types it needs, as one text.
        doc: Its documentation.
        tags: Its tags.
    """

    digest: str
    code_hash: str
    signature: str
    doc: str
    tags: Any


def definition_digest(source: str) -> str:
    """Return the sha256 of a definition's exact text."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def code_hash(function: _Function) -> str:
    """Return the hash of what a function does: parameters, defaults, body, and modifiers but tags.

    Its own name, its docstring, annotations in its signature, comments and layout do not count, so a function
    that was renamed or documented keeps its hash.
    """
    return digest(normal_form(function))


def signature_text(
    type: str,
    condition: str,
    parts: Iterable[tuple[str, str]],
    dependencies: Iterable[tuple[str, str, bool]],
) -> str:
    """Return the signature of a feature version as one text.

    The condition and the parts follow from modifiers, whose arguments may stand in another file.

    Args:
        type: Type of its value.
        condition: Configurations it exists under.
        parts: Names and types of the nodes folded into it.
        dependencies: Names and types of what it needs, and whether that is optional.
    """
    return repr([type, condition, *parts, *dependencies])


def change_classes(old: Traits, new: Traits) -> tuple[str, ...]:
    """Return what changed from one version to another.

    Returns:
        Some of "logic", "signature", "tags" and "docs" in this order; ("formatting",) where only the text of
        the definition differs; nothing where nothing does.
    """
    changed = {
        "logic": old.code_hash != new.code_hash,
        "signature": old.signature != new.signature,
        "tags": old.tags != new.tags,
        "docs": old.doc != new.doc,
    }
    found = tuple(name for name, differs in changed.items() if differs)
    return found or (("formatting",) if old.digest != new.digest else ())
