"""A plan written out as code: one line a call, values in local variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, TracebackType
from typing import TYPE_CHECKING, Any

from headwater.errors import CheckFailed

if TYPE_CHECKING:
    from headwater.plan import Plan

__all__ = ["Code"]

_LINES = 5_000
"""Calls in one function: Python's compiler takes more than linear time on very long ones."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A function that makes some of a plan's calls.

    Attributes:
        slots: The slots it computes, one a line.
        run: Takes the values that cross parts, and returns the outputs of this part.
        outputs: Names of what it returns.
    """

    slots: Sequence[int]
    run: FunctionType
    outputs: Sequence[str]


class Code:
    """The calls of a plan as functions.

    A value is a local variable of the part that computes it. What other parts read, and what comes from
    outside, has a place in one list, which is as long as the plan needs, however large the graph is.
    """

    def __init__(self, plan: Plan) -> None:
        """Write and compile the code."""
        self._plan = plan
        self._places: dict[int, int] = {}
        self._from_outside = {slot for _, slot in plan.given}
        self._given = [(name, self._place(slot)) for name, slot in plan.given]
        chunks = [plan.order[at : at + _LINES] for at in range(0, len(plan.order), _LINES)] or [()]
        for chunk in chunks:
            self._give_places(chunk)
        last = len(chunks) - 1
        self._parts = [self._written(chunk, number == last) for number, chunk in enumerate(chunks)]
        self._blank = [plan.wiring.blank[slot] for slot in self._places]

    def execute(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Compute the outputs.

        Raises:
            NodeFailed: A feature function raised; the exception is the cause.
            CheckFailed: A check of importance "fail" did not hold.
        """
        values = self._blank.copy()
        for name, place in self._given:
            values[place] = given[name]
        # Several parts give the outputs in an order of their own.
        found: dict[str, Any] = dict.fromkeys(self._plan.outputs) if len(self._parts) > 1 else {}
        part = self._parts[0]
        try:
            for part in self._parts:
                found.update(zip(part.outputs, part.run(values), strict=True))
        except CheckFailed:
            raise
        except Exception as error:
            raise self._failure(part, values, error) from error
        return found

    def _place(self, slot: int) -> int:
        return self._places.setdefault(slot, len(self._places))

    def _give_places(self, chunk: Sequence[int]) -> None:
        here = set(chunk)
        for slot in chunk:
            for read in self._plan.reads[slot]:
                if read not in here:
                    self._place(read)

    def _written(self, chunk: Sequence[int], is_last: bool) -> _Part:
        plan, here = self._plan, set(chunk)
        lines = ["def run(v):"]
        for slot in chunk:
            arguments = ", ".join(self._name(read, here) for read in plan.reads[slot])
            target = f"x{slot} = v[{self._places[slot]}]" if slot in self._places else f"x{slot}"
            freed = "".join(
                f"{name} = " for read in plan.frees.get(slot, ()) for name in self._names(read, here)
            )
            lines.append(f" {target} = c{slot}({arguments})" + (f"; {freed}None" if freed else ""))
        mine = [
            (name, slot)
            for name, slot in zip(plan.outputs, plan.slots, strict=True)
            if slot in here or (is_last and slot in self._from_outside)
        ]
        lines.append(f" return ({''.join(f'{self._name(slot, here)}, ' for _, slot in mine)})")
        scope: dict[str, Any] = {f"c{slot}": plan.wiring.calls[slot] for slot in chunk}
        exec(compile("\n".join(lines), "<plan>", "exec"), scope)  # noqa: S102, it is our own text
        return _Part(chunk, scope["run"], [name for name, _ in mine])

    def _name(self, slot: int, here: set[int]) -> str:
        return f"x{slot}" if slot in here else f"v[{self._places[slot]}]"

    def _names(self, slot: int, here: set[int]) -> list[str]:
        """Return every place in which a value is held while the part of some slots runs."""
        held = [f"x{slot}"] if slot in here else []
        return [*held, f"v[{self._places[slot]}]"] if slot in self._places else held

    def _failure(self, part: _Part, values: Sequence[Any], error: Exception) -> Exception:
        trace: TracebackType | None = error.__traceback__
        while trace is not None and trace.tb_frame.f_code is not part.run.__code__:
            trace = trace.tb_next
        if trace is None:  # the part could not even begin, since the stack is full
            raise error
        slot = part.slots[trace.tb_lineno - 2]
        known = trace.tb_frame.f_locals
        received = [
            known[f"x{read}"] if f"x{read}" in known else values[self._places[read]]
            for read in self._plan.reads[slot]
        ]
        return self._plan.failure(slot, received, error)
