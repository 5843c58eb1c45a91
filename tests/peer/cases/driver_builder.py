"""What a builder makes, and what it refuses."""

import pickle

from hamilton import ad_hoc_utils, base, driver
from hamilton.function_modifiers import config
from hamilton.lifecycle import NodeExecutionHook


@config.when(region="uk")
def rate__uk() -> int:
    return 2


@config.when(region="de")
def rate__de() -> int:
    return 3


def price(rate: int, base_price: int) -> int:
    return rate * base_price


def _other(name="builder_other"):
    def price(rate: int) -> int:
        return rate * 100

    def twice(price: int) -> int:
        return price * 2

    return ad_hoc_utils.create_temporary_module(price, twice, module_name=name)


def _ask_plain(module):
    built = driver.Builder().with_modules(module).with_config({"region": "uk"}).build()
    return built.execute(["price"], inputs={"base_price": 5})


def _ask_config_merges(module):
    builder = driver.Builder().with_modules(module).with_config({"region": "uk", "base_price": 1})
    return builder.with_config({"region": "de"}).build().execute(["price"])


def _ask_modules_add_up(module):
    def more(price: int) -> int:
        return price + 1

    extra = ad_hoc_utils.create_temporary_module(more, module_name="builder_more")
    builder = driver.Builder().with_modules(module).with_modules(extra).with_config({"region": "uk"})
    return builder.build().execute(["more"], inputs={"base_price": 5})


def _ask_inputs_that_only_the_request_names(module):
    built = driver.Builder().with_modules(module).with_config({"region": "uk"}).build()
    inputs = {"base_price": 5, "week": "2026-11"}
    built.validate_execution(["price", "week"], inputs=inputs)
    return [
        built.execute(["price", "week"], inputs=inputs),
        built.materialize(additional_vars=["week"], inputs=inputs),
    ]


def _ask_pickled(module):
    built = driver.Builder().with_modules(module).with_config({"region": "uk"}).build()
    return pickle.loads(pickle.dumps(built)).execute(["price"], inputs={"base_price": 5})


def _ask_no_modules(module):
    return driver.Builder().build()


def _ask_same_node_twice(module):
    return driver.Builder().with_modules(module, _other()).with_config({"region": "uk"}).build()


def _ask_overriding_modules(module):
    builder = driver.Builder().with_modules(module, _other()).with_config({"region": "uk"})
    return builder.allow_module_overrides().build().execute(["price", "twice"])


def _ask_overriding_modules_in_a_driver(module):
    built = driver.Driver(
        {"region": "uk"}, module, _other(), adapter=base.DefaultAdapter(), allow_module_overrides=True
    )
    return built.execute(["twice"])


def _ask_copy(module):
    first = driver.Builder().with_modules(module).with_config({"region": "uk"})
    second = first.copy().with_config({"region": "de"})
    inputs = {"base_price": 5}
    return [builder.build().execute(["price"], inputs=inputs) for builder in (first, second)]


def _ask_adapter_of_results(module):
    builder = driver.Builder().with_modules(module).with_config({"region": "uk", "base_price": 2})
    return builder.with_adapters(base.PandasDataFrameResult()).build().execute(["price", "rate"])


def _ask_legacy_adapter(module):
    builder = driver.Builder().with_modules(module).with_config({"region": "uk", "base_price": 2})
    return builder.with_adapter(base.SimplePythonGraphAdapter(base.DictResult())).build().execute(["price"])


def _ask_two_result_builders(module):
    builder = driver.Builder().with_modules(module).with_config({"region": "uk", "base_price": 2})
    return builder.with_adapters(base.DictResult(), base.PandasDataFrameResult()).build().execute(["price"])


def _ask_no_adapter(module):
    builder = driver.Builder().with_modules(module).with_config({"region": "uk"})
    return builder.with_adapters("no adapter").build()


def _ask_remote_executor_without_dynamic(module):
    from hamilton.execution.executors import SynchronousLocalTaskExecutor

    return driver.Builder().with_modules(module).with_remote_executor(SynchronousLocalTaskExecutor())


def _ask_several_hooks(module):
    seen = []

    class First(NodeExecutionHook):
        def run_before_node_execution(self, *, node_name, **rest):
            seen.append(f"first before {node_name}")

        def run_after_node_execution(self, *, node_name, result, **rest):
            seen.append(f"first after {node_name}: {result}")

    class Second(First):
        def run_before_node_execution(self, *, node_name, **rest):
            seen.append(f"second before {node_name}")

    builder = driver.Builder().with_modules(module).with_config({"region": "uk", "base_price": 2})
    builder.with_adapters(First(), Second()).build().execute(["price"])
    return seen


def _ask_driver_with_several_adapters(module):
    built = driver.Driver({"region": "uk", "base_price": 2}, module, adapter=[base.DictResult()])
    return built.execute(["price"])


def _ask_names_of_the_builder(module):
    return sorted(
        name for name in dir(driver.Builder) if name.startswith("with_") or name in ("copy", "build")
    )


def _ask_names_of_the_driver(module):
    methods = "execute materialize visualize_execution display_all_functions display_upstream_of has_cycles"
    methods += " display_downstream_of visualize_path_between visualize_materialization export_execution"
    methods += " validate_execution validate_materialization what_is_the_path_between raw_execute"
    return [name for name in methods.split() if not callable(getattr(driver.Driver, name, None))]
