"""Batches of tasks, run in this process as a worker would."""

import pickle

import pytest

from headwater.executors.batches import Code, Element, Ref, Work, code_of, referring, run_batch
from headwater.executors.dask_graph import staying
from headwater.executors.held import Gathered, Held
from headwater.executors.tasks import RunContext
from headwater.runs import Recorder, Run


@pytest.fixture
def run(tasks, tmp_path, monkeypatch):
    """Give what runs a batch of the tasks that compute an output, and returns values and reply."""
    monkeypatch.syspath_prepend(tmp_path)

    def run(source, output, *inputs, given=(), context=None, names=(), attempts=1, pack=_as_it_is):
        (spec,) = tasks.plan(source, output, **dict.fromkeys(names or inputs[0])).specs
        code = code_of([spec], context or RunContext())
        work = Work(0, [Element(None, None, one) for one in inputs], attempts, "note")
        values, reply = run_batch(code, lambda: work, given, pack, folder=tmp_path)
        assert not (tmp_path / "note").exists()
        return values, pickle.loads(pickle.dumps(reply))

    return run


def _as_it_is(task, outputs):
    return outputs, {}


DOUBLED = "def doubled(number: int) -> int: return 2 * number"


def test_each_element_has_values_of_its_own(run):
    values, reply = run(DOUBLED, "doubled", {"number": 1}, {"number": 2})

    assert values == [{"doubled": 2}, {"doubled": 4}]
    assert reply.failures == {} and set(reply.seconds) == {"doubled"}
    assert reply.summaries == {(0, "doubled"): "int", (1, "doubled"): "int"}


def test_inputs_come_from_what_is_given(run):
    outcome = [{"number": 5}, {"many": [6, 7]}]
    references = [Ref(0, (0, "number")), Ref(0, (1, "many", 1)), Ref(1, ()), Ref(2, (1,))]

    values, _ = run(DOUBLED, "doubled", *({"number": ref} for ref in references), given=[outcome, 8, [9, 10]])
    assert [value["doubled"] for value in values] == [10, 14, 16, 20]


def test_what_was_gathered_comes_as_a_plain_list(run):
    held = Held(None, "x")
    number = referring(Gathered([held, Gathered([held]), 3]), lambda _: Ref(0, ()))

    values, _ = run(
        "def kind(number: list) -> str: return repr(number)", "kind", {"number": number}, given=[7]
    )
    assert values == [{"kind": "[7, [7], 3]"}]


def test_what_a_failed_task_should_have_made_is_not_waited_for(run):
    for outcome in ([None], []):
        values, reply = run(DOUBLED, "doubled", {"number": Ref(0, (0, "number"))}, given=[outcome])
        assert values == [None] and reply.failures == {0: None}


def test_after_a_failure_the_rest_is_not_begun(run):
    source = "def inverse(number: int) -> float: return 1 / number"

    values, reply = run(source, "inverse", {"number": 2}, {"number": 0}, {"number": 4})
    assert values == [{"inverse": 0.5}, None, None]
    assert "'inverse' failed with ZeroDivisionError" in str(reply.failures[1].revive())
    assert reply.failures[2] is None


def test_the_record_goes_with_the_reply(run):
    recorder = Recorder(Run())
    _, reply = run(DOUBLED, "doubled", {"number": 1}, context=RunContext("", _Always(recorder)))

    assert [node.name for node in reply.record.run.nodes] == ["doubled"]


class _Always:
    """Gives the same for every task."""

    def __init__(self, around):
        self.around = around

    def __call__(self, task_id):
        return self.around


@pytest.mark.parametrize("made", ["(n for n in [number])", "lambda: number"])
def test_a_value_that_could_never_leave_is_refused_with_its_node(run, made):
    source = f"def odd(number: int) -> object: return {made}"
    values, reply = run(source, "odd", {"number": 1}, pack=staying)

    assert values == [None]
    error = reply.failures[0].revive()
    assert error.node == "odd" and "cannot be sent to another process" in str(error)


def test_what_raises_is_begun_again_where_that_is_asked_for(run):
    source = """
        tries = []

        def third(number: int) -> int:
            tries.append(number)
            if len(tries) % 3:
                raise OSError("away")
            return len(tries)
    """
    assert run(source, "third", {"number": 1}, attempts=3)[0] == [{"third": 3}]
    values, reply = run(source, "third", {"number": 1}, attempts=2)
    assert values == [None] and "'third' failed with OSError: away" in str(reply.failures[0].revive())


def test_a_batch_that_cannot_be_read_says_why(tmp_path):
    values, reply = run_batch(Code("", b"no pickle"), lambda: Work(0, []), (), _as_it_is, folder=tmp_path)

    assert values == [] and "could not load the feature code" in str(reply.fault.revive())
