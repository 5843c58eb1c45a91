import pytest

from headwater.errors import HeadwaterError
from headwater.executors.grouping import GroupNodesAllAsOne
from headwater.executors.needs import NO_NEEDS, Needs, needs_of


@pytest.fixture
def node(tasks):
    """Give what makes a node of the lines above its function."""

    def make(*modifiers, name="number"):
        source = "\n".join(
            ["from headwater import tag", "from headwater.modifiers import ray_remote_options", *modifiers]
        )
        return tasks.graph(f"{source}\ndef {name}() -> int: return 1", name)[name]

    return make


def tagged(**tags):
    return f"@tag(**{ {key.replace('_', '.', 1): value for key, value in tags.items()} })"


def test_a_node_without_tags_needs_nothing_in_particular(node):
    assert needs_of([node()]) is NO_NEEDS == Needs()
    assert needs_of([node(tagged(owner_team="growth"))]) is NO_NEEDS


def test_tags_say_what_a_node_needs(node):
    told = tagged(
        resources_cpus="0.5",
        resources_gpus="1",
        resources_memory="1.5 GiB",
        resources_seconds="30",
        resources_attempts="3",
        resources_licence="2",
    )
    assert needs_of([node(told)]) == Needs(0.5, 1, 3 * 2**29, (("licence", 2.0),), 30.0, 3)


def test_options_of_ray_say_it_too_and_give_way(node):
    options = (
        "@ray_remote_options(num_cpus=2, memory=1000, max_retries=2, resources={'big': 1}, num_gpus=None)"
    )

    assert needs_of([node(options)]) == Needs(2, None, 1000, (("big", 1.0),), None, 3)
    assert needs_of([node(options, tagged(resources_cpus="4"))]).cpus == 4
    # -1 is without end for Ray, and max_calls is for Ray alone.
    assert needs_of([node("@ray_remote_options(max_retries=-1, max_calls=1)")]) == NO_NEEDS


def test_a_task_needs_the_most_of_its_nodes_and_all_of_their_time(node):
    one = node(tagged(resources_cpus="1", resources_memory="5", resources_seconds="2"), name="one")
    two = node(tagged(resources_cpus="2", resources_big="1", resources_seconds="3"), name="two")

    assert needs_of([one, two]) == Needs(2, None, 5, (("big", 1.0),), 5)
    assert needs_of([one, two, node()]).seconds is None


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"resources_cpus": "two"}, r"resources.cpus='two', which cannot be read. Give a number, 0 or more"),
        ({"resources_cpus": "-1"}, "Give a number, 0 or more"),
        ({"resources_gpus": "inf"}, "Give a number, 0 or more"),
        ({"resources_memory": "5 GP"}, "Give bytes, as 500000000 or '500 MB'"),
        ({"resources_attempts": "0"}, "Give a whole number, 1 or more"),
        ({"resources_attempts": "1.5"}, "Give a whole number, 1 or more"),
        ({"resources_cpu": "1"}, "none of cpus, gpus, .* Did you mean 'cpus'"),
    ],
)
def test_a_tag_that_cannot_be_read_is_told_with_its_place(node, tags, told):
    with pytest.raises(HeadwaterError, match=rf"number.py:\d+: 'number' has the tag .*{told}"):
        needs_of([node(tagged(**tags))])


def test_an_option_of_ray_that_cannot_be_read_is_told(node):
    with pytest.raises(HeadwaterError, match=r"ray_remote.max_retries='-2'.*0 or more, or -1"):
        needs_of([node("@ray_remote_options(max_retries=-2)")])


def test_tasks_know_what_they_need(tasks):
    tasks.grouping = GroupNodesAllAsOne()
    source = """
        from headwater import tag

        @tag(**{"resources.gpus": "1"})
        def embedded(text: str) -> int: return len(text)

        def doubled(embedded: int) -> int: return 2 * embedded
    """
    (spec,) = tasks.plan(source, "doubled", text="x").specs

    assert spec.needs == Needs(gpus=1)
