"""The features of a synthetic repository: the place of each in the graph, and its text after some edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

__all__ = ["EDITS", "INPUTS", "SyntheticFeature", "draw", "grow"]

INPUTS = {"raw_visits": 1931, "raw_orders": 433, "raw_spend": 70207, "raw_stock": 12011, "raw_returns": 59}
EDITS = ("logic", "docs", "tags", "format")

_WIDTH = 50
_REACH = 3
_PER_MODULE = 75
_MODULUS = "1_000_003"
_LARGEST = "1_000_002"
_DOMAINS = {
    "growth": ("signups", "visits", "referrals"),
    "marketing": ("spend", "clicks", "campaigns"),
    "sales": ("orders", "baskets", "discounts"),
    "logistics": ("parcels", "routes", "delays"),
    "stock": ("pallets", "shelves", "refills"),
    "finance": ("invoices", "refunds", "fees"),
    "service": ("tickets", "calls", "complaints"),
    "product": ("views", "searches", "ratings"),
}
_MEASURES = ("count", "total", "mean", "change", "share", "trend", "spread", "rank", "index", "lag")
_REMARKS = (
    "as the weekly report shows it",
    "without the orders of staff",
    "over all regions",
    "as of the end of the day",
    "in the currency of the account",
    "before corrections",
)
_STAGES = ("draft", "reviewed", "trusted", "watched")

Item = TypeVar("Item")


@dataclass(slots=True)
class SyntheticFeature:
    """One feature and how often each kind of edit has been made to it."""

    name: str
    domain: str
    module: str
    parents: tuple[str, ...]
    measure: str
    subject: str
    factor: int
    checked: bool
    personal: bool
    logic: int = 0
    docs: int = 0
    tags: int = 0
    format: int = 0

    def edit(self, kind: str) -> None:
        """Make one more edit of a kind in `EDITS`; the text always differs from the one just before."""
        setattr(self, kind, getattr(self, kind) + 1)

    def text(self) -> str:
        """Return the source of the feature, decorators included."""
        check = [f"@check_output(range=(0, {_LARGEST}))"] if self.checked else []
        lines = [
            self._tag(),
            *check,
            self._signature(),
            f'    """{self._doc()}"""',
            f"    return {self._value()}",
        ]
        return "\n".join(lines) + "\n"

    def _tag(self) -> str:
        tags = {"owner": f"{self.domain}-team", "domain": self.domain}
        if self.personal:
            tags["pii"] = "true"
        if self.tags:
            tags["stage"] = _STAGES[self.tags % len(_STAGES)]
        return f"@tag({', '.join(f'{key}={value!r}' for key, value in tags.items())})"

    def _signature(self) -> str:
        parameters = [f"{parent}: int" for parent in self.parents]
        if self.format % 2:
            return "\n".join([f"def {self.name}(", *(f"    {p}," for p in parameters), ") -> int:"])
        return f"def {self.name}({', '.join(parameters)}) -> int:"

    def _doc(self) -> str:
        revised = f" Revision {self.docs}." if self.docs else ""
        remark = _REMARKS[(self.factor + self.docs) % len(_REMARKS)]
        return f"{self.measure.capitalize()} of {self.subject}, {remark}.{revised}"

    def _value(self) -> str:
        first, *others = self.parents
        return f"({self.factor + self.logic} * {' + '.join([first, *others])}) % {_MODULUS}"


def grow(features: list[SyntheticFeature], rng: Random) -> SyntheticFeature:
    """Append one feature that reads two or three of the three layers above it, and return it."""
    index = len(features)
    layer = index // _WIDTH
    module = index // _PER_MODULE
    domain = list(_DOMAINS)[module % len(_DOMAINS)]
    subject, measure = draw(rng, _DOMAINS[domain]), draw(rng, _MEASURES)
    above = features[max(0, layer - _REACH) * _WIDTH : layer * _WIDTH]
    candidates = [feature.name for feature in above] or list(INPUTS)
    feature = SyntheticFeature(
        name=f"{subject}_{measure}_{index:05}",
        domain=domain,
        module=f"features.{domain}.part_{module:03}",
        parents=_some(rng, candidates),
        measure=measure,
        subject=subject,
        factor=draw(rng, range(2, 100)),
        checked=index % 10 == 9,
        personal=index % 25 == 3,
    )
    features.append(feature)
    return feature


def draw(rng: Random, items: Sequence[Item]) -> Item:
    """Return one of the items."""
    return items[int(rng.random() * len(items))]


def _some(rng: Random, names: Sequence[str]) -> tuple[str, ...]:
    wanted = draw(rng, (2, 3))
    chosen: dict[str, None] = {}
    while len(chosen) < wanted:
        chosen[draw(rng, names)] = None
    return tuple(chosen)
