"""Adapters that come as plug-ins, and modules made of functions and of text."""

from hamilton import ad_hoc_utils, base, driver


def first(n: int) -> int:
    return n + 1


def second(n: int) -> int:
    return n + 2


def both(first: int, second: int) -> int:
    return first * second


def broken(first: int) -> int:
    raise LookupError("nothing there")


def _driver(module, *adapters):
    return driver.Builder().with_modules(module).with_adapters(*adapters).build()


def _ask_thread_pool(module):
    from hamilton.plugins.h_threadpool import FutureAdapter

    return _driver(module, FutureAdapter()).execute(["both", "first"], inputs={"n": 1})


def _ask_thread_pool_error(module):
    from hamilton.plugins.h_threadpool import FutureAdapter

    return _driver(module, FutureAdapter()).execute(["broken"], inputs={"n": 1})


def _ask_thread_pool_with_results(module):
    from hamilton.plugins.h_threadpool import FutureAdapter

    adapter = FutureAdapter(result_builder=base.PandasDataFrameResult())
    return _driver(module, adapter).execute(["both", "first"], inputs={"n": 1})


def _ask_logging(module):
    import logging

    from hamilton.plugins.h_logging import LoggingAdapter

    return _driver(module, LoggingAdapter(logging.getLogger("peer"))).execute(["both"], inputs={"n": 1})


def _ask_module_of_functions(module):
    def doubled(n: int) -> int:
        return n * 2

    made = ad_hoc_utils.create_temporary_module(doubled, module_name="adapters_of_functions")
    nodes = driver.Driver({}, made, adapter=base.DefaultAdapter()).list_available_variables()
    return made.__name__, {node.name: dict(node.tags) for node in nodes}


def _ask_module_of_functions_twice(module):
    def doubled(n: int) -> int:
        return n * 2

    names = [
        ad_hoc_utils.create_temporary_module(doubled, module_name="adapters_twice").__name__ for _ in "ab"
    ]
    return names


def _ask_module_of_text(module):
    made = ad_hoc_utils.module_from_source("def doubled(n: int) -> int:\n    return n * 2\n")
    return driver.Driver({}, made, adapter=base.DefaultAdapter()).execute(["doubled"], inputs={"n": 2})


def _ask_private_function_in_a_module(module):
    def _hidden(n: int) -> int:
        return n

    made = ad_hoc_utils.create_temporary_module(_hidden, module_name="adapters_hidden")
    return len(driver.Driver({}, made).list_available_variables())
