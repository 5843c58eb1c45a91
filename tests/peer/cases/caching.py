"""Values kept from one run to the next."""

from hamilton import ad_hoc_utils, driver
from hamilton.caching.stores import file, memory
from hamilton.execution.executors import SynchronousLocalTaskExecutor
from hamilton.function_modifiers import cache
from hamilton.htypes import Collect, Parallelizable

CALLS = []


def start() -> int:
    CALLS.append("start")
    return 1


def middle(start: int, by: int) -> int:
    CALLS.append("middle")
    return start + by


@cache(behavior="recompute")
def always(middle: int) -> int:
    CALLS.append("always")
    return middle * 2


@cache(behavior="ignore")
def ignored() -> int:
    CALLS.append("ignored")
    return 5


@cache(behavior="disable")
def disabled() -> int:
    CALLS.append("disabled")
    return 6


def end(always: int, ignored: int, disabled: int) -> int:
    CALLS.append("end")
    return always + ignored + disabled


def _calls(build, *runs):
    counts = []
    values = []
    for outputs, inputs in runs:
        CALLS.clear()
        values.append(build().execute(outputs, inputs=inputs))
        counts.append(sorted(CALLS))
    return counts, values


def _builder(module, **settings):
    return driver.Builder().with_modules(module).with_cache(path="kept", **settings)


def _ask_second_run(module):
    built = _builder(module).build()
    return _calls(lambda: built, (["middle"], {"by": 1}), (["middle"], {"by": 1}))


def _ask_another_driver(module):
    return _calls(lambda: _builder(module).build(), (["middle"], {"by": 1}), (["middle"], {"by": 1}))


def _ask_other_input(module):
    built = _builder(module).build()
    return _calls(lambda: built, (["middle"], {"by": 1}), (["middle"], {"by": 2}), (["middle"], {"by": 1}))


def _ask_behaviors_of_tags(module):
    built = _builder(module).build()
    return _calls(lambda: built, (["end"], {"by": 1}), (["end"], {"by": 1}))


def _ask_recompute_by_builder(module):
    built = _builder(module, recompute=["start"]).build()
    return _calls(lambda: built, (["middle"], {"by": 1}), (["middle"], {"by": 1}))


def _ask_recompute_all(module):
    built = _builder(module, recompute=True).build()
    return _calls(lambda: built, (["middle"], {"by": 1}), (["middle"], {"by": 1}))


def _ask_disable_by_builder(module):
    built = _builder(module, disable=["start"]).build()
    return _calls(lambda: built, (["middle"], {"by": 1}), (["middle"], {"by": 1}))


def _ask_ignore_by_builder(module):
    built = _builder(module, ignore=["start"]).build()
    return _calls(lambda: built, (["middle"], {"by": 1}), (["middle"], {"by": 1}))


def _ask_default_behavior(module):
    built = _builder(module, default_behavior="disable", default=["start"]).build()
    return _calls(lambda: built, (["middle"], {"by": 1}), (["middle"], {"by": 1}))


def _ask_two_behaviors(module):
    return _builder(module, recompute=["start"], disable=["start"]).build().execute(["start"])


def _ask_cache_property(module):
    built = _builder(module).build()
    built.execute(["middle"], inputs={"by": 1})
    run = built.cache.last_run_id
    behaviors = {name: behavior.name for name, behavior in built.cache.behaviors[run].items()}
    return behaviors, len(built.cache.run_ids), sorted(built.cache.data_versions[run])


def _ask_stores(module):
    results, metadata = memory.InMemoryResultStore(), memory.InMemoryMetadataStore()
    metadata.initialize("run")
    results.set("version", [1])
    metadata.set(cache_key="key", data_version="version", run_id="run")
    results.persist_to()
    again = memory.InMemoryResultStore.load_from(
        file.FileResultStore(".hamilton_cache"), data_versions=["version"]
    )
    return results.get("other"), again.get("version"), again.get("other"), metadata.get("other")


def _ask_run_that_was_not(module):
    return memory.InMemoryMetadataStore().get_run("run")


def _ask_values_of_nothing_in_particular(module):
    return memory.InMemoryResultStore.load_from(memory.InMemoryResultStore())


def _ask_entries_of_a_fan_out(module):
    def part() -> Parallelizable[int]:
        yield from (1, 2)

    def twice(part: int) -> int:
        return 2 * part

    def total(twice: Collect[int]) -> int:
        return sum(twice)

    parts = ad_hoc_utils.create_temporary_module(part, twice, total, module_name="caching_parts")
    builder = driver.Builder().with_modules(parts).enable_dynamic_execution(allow_experimental_mode=True)
    built = builder.with_cache(path="kept").with_remote_executor(SynchronousLocalTaskExecutor()).build()
    built.execute(["total"])
    return built.cache.metadata_store.size


def _ask_cache_property_without_cache(module):
    return driver.Builder().with_modules(module).build().cache
