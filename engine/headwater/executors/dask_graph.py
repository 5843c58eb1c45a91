"""What of an execution is in a Dask graph: code, values from outside, batches of tasks."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from pathlib import Path
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from headwater.errors import add_note
from headwater.executors.batches import (
    Code,
    Element,
    Ref,
    Work,
    found,
    is_noted,
    run_batch,
    unsendable_input,
)
from headwater.executors.failures import Failure, Unmet
from headwater.executors.held import Held, held_in
from headwater.executors.needs import NO_NEEDS, Needs
from headwater.executors.portable import dumps_value, unsendable
from headwater.executors.tasks import TaskImplementation
from headwater.executors.worker_notes import take_note
from headwater.materialize.packages import needed

__all__ = [
    "Batch",
    "Kept",
    "Literal",
    "Part",
    "Source",
    "fetch",
    "priority_of",
    "resources_of",
    "send",
    "staying",
    "taken_note",
]

_FEW, _MANY = 4, 2
"""No more values than this, read by more batches than this for each slot, are worth having on all workers:
the bounds of Dask for keys of one name."""

_COPYING = 10.0
"""Seconds that workers have to take the code; some may not answer, as they compute."""

_Outputs = list[dict[str, Any] | None]
"""What a batch leaves where it ran: the outputs of each element, None where there are none."""


class Source:
    """Something that is a key of a Dask graph.

    Attributes:
        key: Its name, one of its own.
        future: What keeps its value on the cluster; None before it was sent.
        needs: What a worker must have to compute it.
    """

    def __init__(self, key: str, needs: Needs = NO_NEEDS) -> None:
        """Take the name."""
        self.key = key
        self.future: Any = None
        self.needs = needs

    def entries(self, refer: Callable[[Source], Any]) -> dict[str, Any]:
        """Return its part of a graph, with `refer` giving what stands there for another source."""
        raise NotImplementedError

    def origins(self) -> set[Source]:
        """Return what made on the cluster it consists of."""
        return {self}


class Kept:
    """Where the value of a `Held` is.

    Attributes:
        source: What made it.
        path: The way into that; see `Ref`.
        count: Of how many elements of a fan-out it is one.
    """

    __slots__ = ("count", "path", "source")

    def __init__(self, source: Source, path: tuple[Any, ...], count: int = 0) -> None:
        """Take the place."""
        self.source, self.path, self.count = source, path, count


class Literal(Source):
    """A value from outside, sent once.

    Its bytes stay with the scheduler, so that a worker that dies takes nothing with it that cannot be had
    again (what Dask calls scattered would be lost); what is large is better loaded by a node.
    """

    def __init__(self, key: str, value: bytes) -> None:
        """Take the value, pickled."""
        super().__init__(key)
        self._value = value

    def entries(self, refer: Callable[[Source], Any]) -> dict[str, Any]:
        """Return the value."""
        value, self._value = self._value, b""
        return {self.key: (_unpickled, value)}

    def origins(self) -> set[Source]:
        """Return nothing: it can be anywhere."""
        return set()


class Part(Source):
    """Some elements of a fan-out that was made elsewhere, so that not all of them go to who reads some."""

    def __init__(self, key: str, source: Source, path: tuple[Any, ...], places: Sequence[int]) -> None:
        """Take which elements of what."""
        super().__init__(key)
        self._source, self._path = source, path
        self.turns = {place: turn for turn, place in enumerate(places)}

    def entries(self, refer: Callable[[Source], Any]) -> dict[str, Any]:
        """Return what cuts the elements out."""
        wanted = [(*self._path, place) for place in self.turns]
        return {self.key: (_cut, refer(self._source), pickle.dumps(wanted))}

    def origins(self) -> set[Source]:
        """Return what made the fan-out."""
        return {self._source}


class Batch(Source):
    """Tasks of one spec that run one after the other in one place.

    Attributes:
        tasks: The tasks.
        code: The code of all tasks.
        reply: What the worker told of it; empty before.
        note: The name of the file in which its worker notes how far it is; empty for none.
        is_anywhere: Whether the next free worker takes it, wherever what it reads is.
    """

    def __init__(
        self, key: str, place: int, tasks: Sequence[TaskImplementation], code: Source, topic: str
    ) -> None:
        """Take the tasks, all of the spec at a place in the code, and under which topic to tell of them."""
        super().__init__(key, tasks[0].spec.needs)
        self.code, self._topic = code, topic
        self.tasks = tasks
        self.reply = b""
        self.is_anywhere = False
        self._place = place
        self._reads: dict[Source, int] = {}
        self._work = b""
        self.note = f"{topic}-{key.rpartition(topic)[2].lstrip('-')}" if is_noted(tasks) else ""

    def connect(self) -> list[Source]:
        """Work out what the tasks read, and return what has to be made of it before.

        Raises:
            NodeFailed: A value cannot be pickled.
        """
        parts = self._parts()

        def refer(held: Held) -> Ref:
            kept: Kept = held.reference
            part = parts.get((kept.source, kept.path[:2]))
            if part is None or not kept.count:
                return Ref(self._number(kept.source), kept.path)
            return Ref(self._number(part), (part.turns[kept.path[2]],))

        elements = [Element.of(task, refer) for task in self.tasks]
        work = Work(self._place, elements, note=self.note)
        try:
            self._work = dumps_value(work)
        except Exception as error:
            raise unsendable_input(self.tasks, error, dumps_value) from error
        for task in self.tasks:
            task.dynamic_inputs = {}  # this process needs them no more
        return list(parts.values())

    def _parts(self) -> dict[tuple[Source, tuple[Any, ...]], Part]:
        """Return the fan-outs of which the tasks read less than half, cut."""
        read: dict[tuple[Source, tuple[Any, ...]], tuple[int, set[int]]] = {}
        for task in self.tasks:
            for value in task.dynamic_inputs.values():
                for held in held_in(value):
                    kept: Kept = held.reference
                    if kept.count:
                        where = (kept.source, kept.path[:2])
                        read.setdefault(where, (kept.count, set()))[1].add(kept.path[2])
        return {
            where: Part(f"part-{self.key}-{number}", *where, sorted(places))
            for number, (where, (count, places)) in enumerate(read.items())
            if 2 * len(places) < count
        }

    def read(self) -> frozenset[Source]:
        """Return what made on the cluster it reads."""
        return frozenset[Source]().union(*(source.origins() for source in self._reads))

    def _number(self, source: Source) -> int:
        return self._reads.setdefault(source, len(self._reads))

    def entries(self, refer: Callable[[Source], Any]) -> dict[str, Any]:
        """Return the batch."""
        graph = needed("dask._task_spec", "Running tasks on Dask")
        reads = graph.List(*(refer(source) for source in self._reads))
        self._reads = {}  # what it reads is kept by the graph from here on
        topic = self._topic.encode()
        run = graph.Task(
            self.key, _run, refer(self.code), self._work, topic, reads, _data_producer=self.is_anywhere
        )
        self._work = b""
        return {self.key: run}


def _spread(batches: Sequence[Batch], slots: int) -> None:
    """Let batches go to any worker that read nothing made on the cluster, or the same as many others.

    Dask sends a task to who has what it reads, which of the code is the first worker that asked for it, and
    lets others take from that one once in a second. Of many keys of one name it knows better; each batch has
    a name of its own, since what it takes is known by that.
    """
    reads = {batch: batch.read() for batch in batches}
    readers = Counter(reads.values())
    for batch, read in reads.items():
        batch.is_anywhere = not read or (len(read) <= _FEW and readers[read] > _MANY * slots)


def _anywhere(sources: Sequence[Source]) -> list[Batch]:
    return [source for source in sources if isinstance(source, Batch) and source.is_anywhere]


def _copy_code(client: Any, codes: Collection[Source], resources: Mapping[str, float]) -> None:
    """Give all workers with some resources the code of batches that may go to any of them.

    Dask does not ask which worker is free where a task needs resources: of those that have something of what
    it reads it takes the one that is at it first. So all shall have something, which is the code.
    """
    workers = [
        address
        for address, worker in client.scheduler_info(n_workers=-1)["workers"].items()
        if all(worker["resources"].get(name, 0) >= amount for name, amount in resources.items())
    ]

    async def copy() -> None:
        await client.replicate([code.future for code in codes], workers=workers, asynchronous=True)

    if codes and len(workers) > 1:
        with suppress(Exception):  # it would only be quicker, and what is wrong the tasks tell
            client.sync(copy, callback_timeout=_COPYING)


def send(client: Any, sources: Sequence[Source], slots: int) -> None:
    """Send sources, each after those that it reads, as few graphs: one for each run of equal resources.

    Args:
        client: A client of the cluster.
        sources: The sources.
        slots: How many tasks run at once.
    """
    _spread([source for source in sources if isinstance(source, Batch)], slots)
    reference = needed("dask._task_spec", "Running tasks on Dask").TaskRef
    for resources, several in groupby(sources, lambda source: resources_of(source.needs)):
        graph: dict[str, Any] = {}
        sent = list(several)
        here = {source.key for source in sent}

        def refer(source: Source, here: set[str] = here) -> Any:
            return reference(source.key) if source.key in here else source.future

        for source in sent:
            graph.update(source.entries(refer))
        if resources:
            _copy_code(client, {each.code for each in _anywhere(sent)}, resources)
        with needed("dask", "Running tasks on Dask").annotate(priority=priority_of):
            futures = client.get(graph, list(graph), sync=False, resources=resources or None)
        for source, future in zip(sent, futures, strict=True):
            source.future = future


def fetch(client: Any, kept: Sequence[Kept], key: Callable[[], str]) -> list[bytes | Failure]:
    """Return pickled values, in one question to the cluster."""
    by_source: dict[Source, list[int]] = {}
    for number, one in enumerate(kept):
        by_source.setdefault(one.source, []).append(number)
    graph: dict[str, Any] = {}
    for source, numbers in by_source.items():
        graph[key()] = (_picked, source.future, pickle.dumps([kept[number].path for number in numbers]))
    found: list[bytes | Failure] = [b""] * len(kept)
    values = client.gather(client.get(graph, list(graph), sync=False))
    for numbers, several in zip(by_source.values(), values, strict=True):
        for number, value in zip(numbers, several, strict=True):
            found[number] = value
    return found


def priority_of(key: Any) -> int:
    """Return which of several keys Dask shall compute first: the elements of a fan-out in their order."""
    turn = str(key).rpartition("-turn-")[2]
    return -int(turn) if turn.isdecimal() else 0


def resources_of(needs: Needs) -> dict[str, float]:
    """Return what Dask calls resources: workers have those that they were started with."""
    named = dict(needs.resources)
    return {"GPU": needs.gpus, **named} if needs.gpus else named


# What follows is called by workers. Arguments are bytes, since Dask takes text for the name of a key.


def _unpickled(value: bytes) -> Any:
    return pickle.loads(value)  # noqa: S301, it comes from the process that drives


def _run(code: Code, work: bytes, topic: bytes, given: Sequence[Any]) -> _Outputs:
    worker = needed("distributed", "Running tasks on Dask").get_worker()

    def tell(message: Mapping[str, Any]) -> None:
        worker.log_event(topic.decode(), message)

    outputs, reply = run_batch(
        code,
        partial(_unpickled, work),
        given,
        staying,
        folder=_scratch(worker),
        tell=tell,
        is_alone=worker.state.nthreads == 1,
    )
    failed = bool(reply.failures or reply.fault)
    # It is on its way, by the same connection, before the scheduler is told that the key is done.
    tell({"key": worker.get_current_task(), "reply": pickle.dumps(reply), "failed": failed})
    return outputs


def _scratch(worker: Any) -> Path:
    """Return a folder that stays when a worker dies, and is the same for all of a machine."""
    return Path(worker.local_directory).parent


def taken_note(name: str, dask_worker: Any) -> bytes | None:
    """Return what a worker has noted that died on the machine of this one."""
    return take_note(_scratch(dask_worker) / name)


_PLAIN = (int, float, str, bytes, bool, type(None))
_KNOWN = ("numpy", "pandas", "polars", "pyarrow")


class _Nowhere:
    def write(self, data: Any) -> int:
        return len(data)


def _try_to_pickle(value: Any) -> None:
    """Pickle a value as `dumps_value` does, and keep nothing."""
    try:
        pickle.Pickler(_Nowhere(), pickle.HIGHEST_PROTOCOL).dump(value)
    except Exception:
        needed("cloudpickle", "Running tasks on Dask").Pickler(_Nowhere()).dump(value)


def staying(task: TaskImplementation, outputs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the outputs of a task, which stay, and how many elements fan-outs have.

    Values that could stay, but never leave, are refused: whether one must is for the cluster to decide.

    Raises:
        NodeFailed: A value cannot be pickled, or is a generator, which clusters take for something else.
    """
    for name, value in outputs.items():
        kind = type(value)
        if kind in _PLAIN or kind.__module__.partition(".")[0] in _KNOWN:
            continue
        try:
            if isinstance(value, (GeneratorType, AsyncGeneratorType)):
                raise TypeError("a generator cannot be gone through twice")
            _try_to_pickle(value)
        except Exception as error:
            failed = unsendable(task, {name: value}, error, _try_to_pickle)
            add_note(failed, "It is handed on by the task to others, or home.")
            raise failed from error
    return outputs, {name: len(outputs[name]) for name in task.spec.expanders}


def _cut(whole: Any, paths: bytes) -> list[Any] | None:
    """Return elements of a fan-out; None where it was not made."""
    try:
        return [found(Ref(0, path), [whole]) for path in _unpickled(paths)]
    except Unmet:
        return None


def _picked(whole: Any, paths: bytes) -> list[bytes | Failure]:
    """Return values as bytes, or why they cannot be had."""
    picked: list[bytes | Failure] = []
    for path in _unpickled(paths):
        try:
            picked.append(dumps_value(found(Ref(0, path), [whole])))
        except Exception as error:
            picked.append(Failure.of(error))
    return picked
