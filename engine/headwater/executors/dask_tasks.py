"""Tasks on a Dask cluster: sent as graphs, values left there, failures told with their nodes."""

from __future__ import annotations

import itertools
import pickle
import uuid
import warnings
import weakref
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from headwater.errors import HeadwaterError
from headwater.executors.answers import Answer, share
from headwater.executors.base import TaskExecutor, in_use
from headwater.executors.batches import Reply, code_of, unprepared
from headwater.executors.dask_answers import DaskAnswer, lost
from headwater.executors.dask_clusters import close, end_busy_workers, forget_events, started, topic_of
from headwater.executors.dask_graph import (
    Batch,
    Kept,
    Literal,
    Source,
    fetch,
    resources_of,
    send,
    taken_note,
)
from headwater.executors.dask_inputs import DaskInputs, is_of_dask
from headwater.executors.dask_turns import Turn
from headwater.executors.failures import Failure
from headwater.executors.held import Gathered, Held
from headwater.executors.losses import fail
from headwater.executors.needs import Needs
from headwater.executors.portable import dumps_value
from headwater.executors.shipments import Shipment
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec
from headwater.executors.watching import late
from headwater.executors.worker_notes import Note
from headwater.materialize.packages import needed

__all__ = ["DaskExecutor"]

_BATCHES_PER_SLOT = 8
"""Elements of a fan-out go in so many batches for each that can run at once: enough that none has much to
wait for another's last one, and that a failure is known before many more are begun."""

_LARGE = 1_000
"""Bytes above which a value that several tasks read is sent apart from them."""

_NOTED = 10.0
"""Seconds that a worker has to be started anew, which tells how far the one came that died."""


class DaskExecutor(TaskExecutor):
    """Runs tasks on a cluster of Dask.

    All tasks that can be are sent as one graph, and read each other's values where those are; only what is
    asked for comes home. Elements of fan-outs go in batches. What a worker needs: the same packages, and the
    feature modules where they can be imported; those of a notebook or of the script that is run travel whole.

    Of what nodes need (tags `resources.*`), Dask knows GPUs and resources by name, as workers were started
    with them (`GPU=1`), and each worker's memory. A node that takes longer than its `resources.seconds` is
    given up, and its worker started anew, since nothing else ends a function that runs. Where a worker dies,
    Dask begins its tasks again on another, as often as `distributed.scheduler.allowed-failures` says; what
    was computed and is lost is computed again. When an execution fails, tasks that do not end within a second
    are ended with their workers, if these have a nanny.

    Args:
        client: A client of a cluster, which stays open.
        address: Address of a cluster's scheduler, in the place of a client.
        workers: How many processes to start on this machine where neither is given; by default one for
            each processor. They end with the execution. The script that starts them needs the usual
            `if __name__ == "__main__":`.
        memory_limit: What each of these may use, as "2GB".
        shipment: The files of the feature modules, where workers need not have them. Since a process has the
            modules of one shipment at a time, such an execution waits until no other one is on the cluster.
        patience: Seconds that it waits at most.
        name: By what the cluster knows the execution, so that `end_execution` can end what is left of it.
        computes_inputs: Whether tables, delayed calls and futures of Dask that are given as inputs are
            computed there, and functions get their values; else they get them as they are.
    """

    accepts_pending = True
    cost_of_task = 0.01
    """Seconds that a task costs by itself, as measured on one machine."""

    def __init__(
        self,
        *,
        client: Any = None,
        address: str | None = None,
        workers: int | None = None,
        memory_limit: str | int = "auto",
        shipment: Shipment | None = None,
        patience: float = 300,
        name: str | None = None,
        computes_inputs: bool = False,
    ) -> None:
        """Take which cluster.

        Raises:
            HeadwaterError: Several are named.
            MissingExtra: Dask is not installed.
        """
        if sum(one is not None for one in (client, address, workers)) > 1:
            raise HeadwaterError("DaskExecutor: give one of client=, address= and workers=.")
        needed("distributed", "Running tasks on Dask")
        self.client = client
        self.address = address
        self.workers = workers
        self.memory_limit = memory_limit
        self.shipment = shipment
        self.patience = patience
        self.name = name
        self.computes_inputs = computes_inputs
        self._owned: ExitStack | None = None
        self._owns_cluster = False
        self._is_used = False
        self._turn: Turn | None = None
        self._reset()

    def _reset(self) -> None:
        self._topic = topic_of(self.name or uuid.uuid4().hex[:12])
        self._keys = itertools.count()
        self._places: dict[int, int] = {}
        self._specs: tuple[TaskSpec, ...] = ()
        self._context = RunContext()
        self._code: Source | None = None
        self._inputs = DaskInputs() if self.computes_inputs else None
        self._unsent: list[Source] = []
        self._sent: weakref.WeakSet[Source] = weakref.WeakSet()
        self._answers: dict[str, DaskAnswer] = {}
        self._waiting: dict[str, Batch] = {}
        self._slots = 0
        self._memory = 0

    def init(self) -> None:
        """Connect to the cluster, or start one.

        Raises:
            HeadwaterError: Another execution uses the executor, the cluster is not reached, or others are on
                it for too long.
        """
        if self._is_used:
            raise in_use(self, "; they may share a client")
        if self.client is None:
            self._connect()
        self._is_used = True
        try:
            if self.shipment is not None:
                self._turn = Turn(self.client, self.shipment, self._topic)
                self._turn.take(self.patience)
            workers = self._workers()
            self._slots = sum(worker["nthreads"] for worker in workers)
            self._memory = max((worker["memory_limit"] or 0 for worker in workers), default=0)
            self.client.subscribe_topic(self._topic, self._hear)
        except BaseException:
            self.finalize()
            raise

    def _connect(self) -> None:
        distributed = needed("distributed", "Running tasks on Dask")
        try:
            with ExitStack() as opened:
                where = self.address or opened.enter_context(started(self.workers, self.memory_limit))
                self.client = distributed.Client(where, set_as_default=False)
                opened.callback(close, self.client)
                self._owned = opened.pop_all()
        except Exception as error:
            told = f"at {self.address}" if self.address else "on this machine"
            raise HeadwaterError(f"The Dask cluster {told} cannot be used: {error}") from error
        self._owns_cluster = self.address is None

    def prepare(self, specs: Sequence[TaskSpec], context: RunContext) -> None:
        """Keep the tasks, which travel with the first graph."""
        self._specs, self._context = tuple(specs), context
        self._places = {id(spec): place for place, spec in enumerate(specs)}

    def finalize(self) -> None:
        """Let go of all that the cluster keeps, and end what was started."""
        with suppress(Exception):  # the cluster may be gone
            self.client.unsubscribe_topic(self._topic)
            forget_events(self.client, self._topic)
        for source in list(self._sent):  # some may be referred to still, as from an exception
            source.future = None
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.give()
        self._is_used = False
        self._reset()
        self._close()

    def _close(self) -> None:
        owned, self._owned = self._owned, None
        if owned is not None:
            self.client = None
            self._owns_cluster = False
            owned.close()

    def slots(self) -> int:
        """Return the number of threads of all workers."""
        if self.client is None:
            import os

            return self.workers or os.cpu_count() or 1
        slots = self._slots or sum(worker["nthreads"] for worker in self._workers())
        return max(1, slots)

    def _workers(self) -> list[Mapping[str, Any]]:
        return list(self.client.scheduler_info(n_workers=-1)["workers"].values())

    def lacks(self, needs: Needs) -> str:
        """Return what no worker has."""
        workers = self._workers()
        for name, amount in resources_of(needs).items():
            if not any(worker["resources"].get(name, 0) >= amount for worker in workers):
                return f"{amount:g} {name}"
        memory = needs.memory or 0
        if not any(memory <= (worker["memory_limit"] or float("inf")) for worker in workers):
            return f"{memory:,} bytes of memory"
        return ""

    def can_submit_task(self) -> bool:
        """Tell that there is room: the scheduler keeps what waits."""
        return True

    def submit_task(self, task: TaskImplementation) -> Answer:
        """Take one task."""
        return self.submit_tasks([task])[0]

    def submit_tasks(self, tasks: Sequence[TaskImplementation]) -> Sequence[Answer]:
        """Take tasks, those of the elements of a fan-out in batches.

        Raises:
            NodeFailed: An input cannot be pickled.
        """
        by_spec: dict[int, list[TaskImplementation]] = {}
        for task in tasks:
            by_spec.setdefault(id(task.spec), []).append(task)
        answers: dict[str, DaskAnswer] = {}
        for several in by_spec.values():
            size = -(-len(several) // (_BATCHES_PER_SLOT * self.slots())) if len(several) > 1 else 1
            for start in range(0, len(several), size):
                batch = self._batch(several[start : start + size], start // size)
                for number, task in enumerate(batch.tasks):
                    answers[task.task_id] = DaskAnswer(self, batch, number)
        self._answers.update(answers)
        return [answers[task.task_id] for task in tasks]

    def _batch(self, tasks: Sequence[TaskImplementation], turn: int) -> Batch:
        place = self._places.get(id(tasks[0].spec))
        if place is None:
            raise unprepared(tasks[0])
        if self._code is None:
            code = code_of(self._specs, self._context, self.shipment)
            self._code = Literal(self._key("code"), pickle.dumps(code))
            self._unsent.append(self._code)
        if self._inputs is not None:
            for task in tasks:
                task.dynamic_inputs = self._inputs.held(self, task.dynamic_inputs)
        key = f"{self._key(_kind(tasks[0].spec))}-turn-{turn}"
        batch = Batch(key, place, tasks, self._code, self._topic)
        self._unsent += [*batch.connect(), batch]
        return batch

    def _key(self, what: str) -> str:
        return f"{what}-{self._topic}-{next(self._keys)}"

    def hold(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return a `Held` for each value that is not small."""
        held = []
        for value in values:
            try:
                is_given = self._inputs is not None and is_of_dask(value)
                pickled = b"" if is_given else dumps_value(value)
            except Exception:  # the task that reads it will tell, with the node
                pickled = b""
            if len(pickled) > _LARGE:
                source = Literal(self._key("given"), pickled)
                self._unsent.append(source)
                value = Held(self, Kept(source, ()))
            held.append(value)
        return held

    def flush(self) -> None:
        """Send what was taken."""
        unsent, self._unsent = self._unsent, []
        if not unsent:
            return
        batches = [source for source in unsent if isinstance(source, Batch)]
        self._waiting.update((batch.key, batch) for batch in batches)
        with warnings.catch_warnings():
            # It says how to load data otherwise, which is not for who only gave an input.
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            send(self.client, unsent, self.slots())
        self._sent.update(unsent)
        for batch in batches:
            batch.future.add_done_callback(partial(self._end, batch))

    def _end(self, batch: Batch, _: object) -> None:
        """Tell who waits that a batch is done, in a thread of the client."""
        if self._waiting.pop(batch.key, None) is None:
            return
        for task in batch.tasks:
            answer = self._answers.get(task.task_id)
            if answer is not None:
                answer.end()

    def settle(self, batch: Batch) -> None:
        """Settle the answers of a batch that is done."""
        answers, status = self._answers_of(batch), batch.future.status
        # A worker may die with the values that it has told of; they are computed again, or that failed, too.
        if batch.reply and status not in ("cancelled", "error"):
            reply: Reply = pickle.loads(batch.reply)  # noqa: S301, it comes from our own worker
            batch.reply = b""
            share(reply, answers, partial(self._results, batch, reply))
            return
        why = RuntimeError("its worker told nothing" if status == "finished" else "it was cancelled")
        if status == "error":
            error = None if self._inputs is None else self._inputs.failure()
            if error is not None:
                return fail(answers, error, 0)
            why = batch.future.exception()
        note = self._note_of(batch)
        fail(answers, lost(why, batch.tasks, note, self._memory), 0 if note is None else note.element)

    def _answers_of(self, batch: Batch) -> list[tuple[int, DaskAnswer]]:
        """Return those that wait for a batch, which nobody needs to find any more."""
        found = [self._answers.pop(task.task_id, None) for task in batch.tasks]
        return [(number, answer) for number, answer in enumerate(found) if answer is not None]

    def _note_of(self, batch: Batch) -> Note | None:
        """Return how far a batch came whose worker died, as other workers of the machine find it noted."""
        if not batch.note:
            return None
        with suppress(Exception):  # the cluster may be gone
            self.client.wait_for_workers(1, timeout=_NOTED)  # the nanny starts them anew
            found = self.client.run(taken_note, batch.note, on_error="ignore")
            return next((Note(data) for data in found.values() if isinstance(data, bytes)), None)
        return None

    def _results(self, batch: Batch, reply: Reply, number: int, answer: Answer) -> dict[str, Any]:
        results: dict[str, Any] = dict(answer.promised())
        for name in answer.task.spec.expanders:
            count = reply.counts[number, name]
            paths = [(number, name, place) for place in range(count)]
            results[name] = Gathered(Held(self, Kept(batch, path, count)) for path in paths)
        return results

    def fetch(self, held: Sequence[Held]) -> Sequence[Any]:
        """Return values.

        Raises:
            NodeFailed: A value cannot be pickled, or what made it is gone.
        """
        self.flush()
        found = fetch(self.client, [each.reference for each in held], partial(self._key, "fetched"))
        values = []
        for one in found:
            if isinstance(one, Failure):
                raise one.revive()
            values.append(pickle.loads(one))  # noqa: S301, it comes from our own worker
        return values

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take what a worker tells, in a thread of the client."""
        _, told = event
        if "reply" in told:
            batch = self._waiting.get(told["key"])  # None if it was done, and is computed again
            if batch is not None:
                batch.reply = told["reply"]
                if told["failed"]:
                    self._end(batch, None)  # what reads it may be done long before it ends
            return
        answer = self._answers.get(told["task"])
        if answer is not None:
            node = next(node for node in answer.task.nodes if node.name == told["node"])
            answer.settle(late(node, told["limit"]))
            answer.end()

    def cancel(self) -> None:
        """Drop what has not begun, and end what has and does not end by itself."""
        if self.client is None:
            return
        futures = [source.future for source in self._sent if source.future is not None]
        with suppress(Exception):  # the cluster may be gone
            self.client.cancel(futures, force=True)
            end_busy_workers(self.client, self._topic, is_own=self._owns_cluster)


def _kind(spec: TaskSpec) -> str:
    """Return the beginning of a batch's key: Dask takes what begins so to last as long as such did before."""
    names = "\0".join(node.name for node in spec.nodes)
    return f"{spec.base_id.replace('-', '_')}_{zlib.crc32(names.encode()):08x}"
