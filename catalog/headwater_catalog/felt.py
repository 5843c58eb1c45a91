"""Which features mean something else at another commit, of themselves or by what is upstream of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from headwater.normal_form import digest
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.lineage_hash import Lineages, Revision, input_hashes
from headwater_catalog.merkle import merkle_hashes

__all__ = ["felt"]

_Answers = Mapping[str, tuple[str, ...]]


def felt(
    before: Revision, after: Revision, moved: Mapping[str, str], doubtful: Collection[str]
) -> frozenset[str]:
    """Return the features of two commits whose lineage hash is another, by their keys of now.

    Only what is downstream of something that changed can have another one, and upstream of that what is
    known to be the same stands for itself: the hashes are those of a smaller graph, equal where the lineage
    hashes are.

    Args:
        before: The first commit.
        after: The second.
        moved: The keys before of features that moved, with those of now.
        doubtful: Features whose own definitions may mean something else, those that moved included.
    """
    return frozenset(_Felt(before, after, moved, doubtful).keys())


class _Felt:
    def __init__(
        self, before: Revision, after: Revision, moved: Mapping[str, str], doubtful: Collection[str]
    ) -> None:
        self._before, self._after = before, after
        self._moved, self._was = moved, {now: then for then, now in moved.items()}
        variants, earlier = after.snapshot.variants, before.snapshot.variants
        self._common = [key for key in variants if self._was.get(key, key) in earlier]
        self._known = {key for key in self._common if key in doubtful or self._has_other_variants(key)}
        self._asked: set[str] = set()
        """Features that answer in the place of others: their hashes must tell whether they mean the same."""

    def keys(self) -> Iterator[str]:
        affected = self._downstream([*self._changed(), *self._rewired(), *self._come()])
        if not affected:
            return
        for key in affected:
            self._ask_variants(key, affected)
        self._know_upstream()
        now, then = self._hashes(affected, is_now=True), self._hashes(affected, is_now=False)
        common = affected.intersection(self._common)
        yield from (key for key in common if now[key] != then[self._was.get(key, key)])

    # What changed

    def _has_other_variants(self, key: str) -> bool:
        old = self._before.snapshot.variants[self._was.get(key, key)]
        return len(old) != len(new := self._after.snapshot.variants[key]) or any(
            ours.variant != theirs.variant for ours, theirs in zip(old, new, strict=True)
        )

    def _changed(self) -> Iterator[str]:
        """Yield the features whose own definitions mean something else."""
        before, after = self._before.lineages, self._after.lineages
        for key in self._known:
            if before.definition(self._was.get(key, key)) != after.definition(key):
                yield key

    def _come(self) -> Iterator[str]:
        """Yield the features that are new: who needs them now is downstream of a change."""
        common = set(self._common)
        yield from (key for key in self._after.snapshot.variants if key not in common)

    def _rewired(self) -> Iterator[str]:
        """Yield the features that get something from others than before."""
        answers, earlier = self._after.snapshot.graph.resolved, self._before.snapshot.graph.resolved
        for key in self._common:
            now, was = answers.get(key, {}), earlier.get(self._was.get(key, key), {})
            if now is not was and now != was and self._ask(was, now):
                yield key

    def _ask(self, was: _Answers, now: _Answers) -> bool:
        """Tell whether names have other answers; ask about those that may mean the same all the same."""
        is_other = was.keys() != now.keys()
        for name in was.keys() & now.keys():
            then, today = {self._moved.get(key, key) for key in was[name]}, set(now[name])
            if then != today:
                is_other = True
                gone = {key for key in was[name] if self._moved.get(key, key) not in today}
                if self._may_be_the_same(gone, today - then):
                    self._asked.update(gone, today - then)
        return is_other

    def _may_be_the_same(self, gone: Collection[str], come: Collection[str]) -> bool:
        variants = self._before.snapshot.variants, self._after.snapshot.variants
        if len(gone) != len(come) or not all(
            key in side for side, keys in zip(variants, (gone, come), strict=True) for key in keys
        ):
            return False  # an input is never the same as a feature
        was = sorted(map(self._before.lineages.definition, gone))
        return was == sorted(map(self._after.lineages.definition, come))

    # What that reaches

    def _graphs(self) -> tuple[LineageGraph, LineageGraph]:
        return self._before.snapshot.graph, self._after.snapshot.graph

    def _downstream(self, roots: Iterable[str]) -> set[str]:
        """Return some features and all downstream of them in either graph, by their keys of now."""
        before, after = self._graphs()
        found: set[str] = set()
        pending = [*roots]
        while pending:
            key = pending.pop()
            if key in found:
                continue
            found.add(key)
            if key in after.nodes:
                pending += after.children(key)
            if (was := self._was.get(key, key)) in before.nodes:
                pending += (self._moved.get(below, below) for below in before.children(was))
        return found

    def _ask_variants(self, key: str, affected: Collection[str]) -> None:
        """Ask about all answers to a name of which several changed: they may have changed places."""
        before, after = self._graphs()
        for answers in (after.resolved.get(key, {}), before.resolved.get(self._was.get(key, key), {})):
            for several in answers.values():
                if len(several) > 1 and sum(self._moved.get(k, k) in affected for k in several) > 1:
                    self._asked.update(several)

    def _know_upstream(self) -> None:
        """Let all count for itself that is upstream of what answers in the place of others."""
        for graph in self._graphs():
            pending = [key for key in self._asked if key in graph.nodes]
            seen: set[str] = set()
            while pending:
                key = pending.pop()
                if key not in seen:
                    seen.add(key)
                    pending += graph.parents(key)
            self._known.update(self._moved.get(key, key) for key in seen)

    def _hashes(self, affected: Collection[str], *, is_now: bool) -> dict[str, str]:
        revision = self._after if is_now else self._before
        graph, lineages = revision.snapshot.graph, revision.lineages
        keys = {key if is_now else self._was.get(key, key) for key in (*affected, *self._known)}
        needs = {key: found for key in keys if (found := graph.resolved.get(key)) is not None}
        nodes = keys.union(*(some for answers in needs.values() for some in answers.values()))
        own = input_hashes(graph)
        for key in nodes.intersection(revision.snapshot.variants):
            own[key] = self._own(key, lineages)
        return merkle_hashes(own, needs)

    def _own(self, key: str, lineages: Lineages) -> str:
        now = self._moved.get(key, key)
        return lineages.definition(key) if now in self._known else digest(("as before", now))
