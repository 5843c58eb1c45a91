"""Modules made by chance, but the same ones every time, that combine modifiers in ways nobody thought of."""

import textwrap
from collections.abc import Callable
from random import Random

__all__ = ["cases"]

CONFIGS = tuple(f'{{"mode": "{mode}", "hamilton.enable_power_user_mode": True}}' for mode in "xy")


def cases(count: int) -> str:
    """Return the text of that many cases, as the runner reads it."""
    return "\n".join(f"=== generated_{number}\n{_Module(Random(number)).text()}" for number in range(count))


class _Module:
    """A module in the making: the numbers it computes so far, and its source."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers = ["start", "other", "base"]
        self.inputs = {"start": 3, "other": 4}
        self.parts: list[str] = [HELPERS]

    def text(self) -> str:
        for index in range(self.random.randint(4, 9)):
            shape = self.random.choice(SHAPES)
            made, source = shape(self, f"f{index}")
            self.parts.append(textwrap.dedent(source).strip())
            self.numbers += made
        scenarios = ", ".join(
            f'"{index}": Scenario(config={config}, inputs={self.inputs})'
            for index, config in enumerate(CONFIGS)
        )
        return "\n\n".join([*self.parts, f"SCENARIOS = {{{scenarios}}}\n"])

    def parent(self) -> str:
        return self.random.choice(self.numbers)

    def parents(self) -> tuple[str, str]:
        first, second = self.random.sample(self.numbers, 2)
        return first, second

    def around(self) -> str:
        """Return decorators that may stand around anything."""
        chosen = [text for text in AROUND if self.random.random() < 0.3]
        self.random.shuffle(chosen)
        return "\n".join(chosen)


HELPERS = textwrap.dedent(
    """
    from hamilton.plugins import h_pandas

    def _plus(x: int, by: int = 1) -> int:
        return x + by

    def _sum(**kwargs: int) -> int:
        return sum(kwargs.values())

    def base(start: int, other: int) -> int:
        return start - other
    """
).strip()

AROUND = (
    '@fm.tag(owner="growth")',
    '@fm.tag(level="2", regions=["uk", "de"])',
    "@fm.check_output(range=(0, 50))",
    '@fm.pipe_output(fm.step(_plus, by=2), fm.step(_plus, by=fm.value(3)).when(mode="x"))',
)


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _plain(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    source = f'def {name}({a}: int, {b}: int) -> int:\n    "Of {a} and {b}."\n    return {a} + 2 * {b}'
    return [name], _lines(module.around(), source)


def _optional(module: _Module, name: str) -> tuple[list[str], str]:
    a = module.parent()
    source = f"def {name}({a}: int, {name}_bonus: int = 7) -> int:\n    return {a} + {name}_bonus"
    return [name], _lines(module.around(), source)


def _variants(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    return [name], "\n\n".join(
        _lines(
            module.around() if variant == "x" else "",
            f'@fm.config.when(mode="{variant}")',
            f"def {name}__{variant}({parent}: int) -> int:\n    return {parent} + {len(parent)}",
        )
        for variant, parent in (("x", a), ("y", b))
    )


def _sometimes(module: _Module, name: str) -> tuple[list[str], str]:
    a = module.parent()
    test = module.random.choice(['when_not(mode="x")', 'when_in(mode=["x"])', 'when_not_in(mode=["y", "z"])'])
    return [], _lines(
        f"@fm.config.{test}", module.around(), f"def {name}({a}: int) -> int:\n    return {a} - 1"
    )


def _parameterized(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    source = f"""
@fm.parameterize(
    {name}_p=({{"x": fm.source("{a}"), "y": fm.value(2)}}, "First: {{x}}."),
    {name}_q={{"x": fm.source("{b}"), "y": fm.source("{a}")}},
)
def {name}(x: int, y: int) -> int:
    "Of {{x}} and {{y}} as {{output_name}}."
    return x * 3 + y"""
    return [f"{name}_p", f"{name}_q"], _lines(module.around(), source.strip())


def _parameterized_simply(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    kind = module.random.choice(
        [
            f'@fm.parameterize_sources({name}_p={{"x": "{a}"}}, {name}_q={{"x": "{b}"}})',
            f'@fm.parameterize_values("x", {{("{name}_p", "P."): 5, ("{name}_q", "Q."): 6}})',
        ]
    )
    source = f"{kind}\ndef {name}(x: int) -> int:\n    return x + 1"
    return [f"{name}_p", f"{name}_q"], _lines(module.around(), source)


def _injected(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    kind = module.random.choice(
        [
            (f'fm.group(fm.source("{a}"), fm.source("{b}"), fm.value(4))', "list[int]", "sum(parts)"),
            (
                f'fm.group(u=fm.source("{a}"), v=fm.source("{b}"))',
                "dict[str, int]",
                'parts["u"] - parts["v"]',
            ),
        ]
    )
    source = f"@fm.inject(parts={kind[0]}, by=fm.value(2))\ndef {name}(parts: {kind[1]}, by: int) -> int:\n    return {kind[2]} * by"
    return [name], _lines(module.around(), source)


def _fields(module: _Module, name: str) -> tuple[list[str], str]:
    a = module.parent()
    how = module.random.choice(
        [
            (f'@fm.extract_fields({{"{name}_u": int, "{name}_v": int}})', "dict"),
            (f'@fm.extract_fields("{name}_u", "{name}_v")', "dict[str, int]"),
            (f'@fm.extract_fields({{"{name}_u": int, "{name}_v": int}}, fill_with=0)', "dict"),
        ]
    )
    source = (
        f'{how[0]}\ndef {name}({a}: int) -> {how[1]}:\n    return {{"{name}_u": {a}, "{name}_v": {a} + 1}}'
    )
    return [f"{name}_u", f"{name}_v"], _lines(module.around() and '@fm.tag(owner="fields")', source)


def _unpacked(module: _Module, name: str) -> tuple[list[str], str]:
    a = module.parent()
    source = f'@fm.unpack_fields("{name}_u", "{name}_v")\ndef {name}({a}: int) -> tuple[int, int]:\n    return {a}, {a} * 2'
    return [f"{name}_u", f"{name}_v"], source


def _columns(module: _Module, name: str) -> tuple[list[str], str]:
    a = module.parent()
    check = module.random.choice(
        ["", "@fm.check_output(allow_nans=False)", f'@fm.tag(target_="{name}_u", unit="eur")']
    )
    source = f"""
@fm.extract_columns("{name}_u", ("{name}_v", "The second."))
def {name}({a}: int) -> pd.DataFrame:
    return pd.DataFrame({{"{name}_u": [{a}, 1], "{name}_v": [2, {a}]}})

def {name}_sum({name}_u: pd.Series, {name}_v: pd.Series) -> int:
    return int(({name}_u * {name}_v).sum())"""
    return [f"{name}_sum"], _lines(check, source.strip())


def _does(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    return [name], _lines(
        module.around(), f'@fm.does(_sum)\ndef {name}({a}: int, {b}: int) -> int:\n    "Summed."'
    )


def _piped(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    namespace = module.random.choice(["", f', namespace="{name}_steps"'])
    source = f"""
@fm.pipe_input(
    fm.step(_plus, by=fm.source("{b}")),
    fm.step(_plus).named("{name}_more"),
    fm.step(_plus, by=9).when_not(mode="x"){namespace}
)
def {name}({a}: int) -> int:
    return {a} * 2"""
    return [name], source.strip()


def _subgraph(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    inner = f"{name}_inner"
    module.inputs["x"] = 6  # the function of the sub-graph counts outside of it, too
    external = module.random.choice(["", f', external_inputs=["{b}"]'])
    own = f"{inner}: int, {b}: int" if external else f"{inner}: int"
    source = f"""
def {inner}(x: int) -> int:
    return x + 10

@fm.subdag({inner}, inputs={{"x": fm.source("{a}")}}{external})
def {name}({own}) -> int:
    return {inner} + {b if external else 1}"""
    return [name], _lines(source.strip().replace("@fm.subdag", _lines(module.around(), "@fm.subdag")))


def _several_subgraphs(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    inner = f"{name}_inner"
    module.inputs["x"] = 6
    source = f"""
@fm.config.when(mode="x")
def {inner}__x(x: int) -> int:
    return x + 10

@fm.config.when_not(mode="x")
def {inner}__other(x: int) -> int:
    return x + 20

@fm.parameterized_subdag(
    {inner}__x,
    {inner}__other,
    inputs={{"x": fm.source("{a}")}},
    {name}_p={{"config": {{"mode": "x"}}}},
    {name}_q={{"inputs": {{"x": fm.source("{b}")}}}},
)
def {name}({inner}: int) -> int:
    "Of a sub-graph."
    return {inner}"""
    return [f"{name}_p", f"{name}_q"], source.strip()


def _with_columns(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    select = module.random.choice(["", f', select=["{name}_w"]'])
    source = f"""
def {name}_table({a}: int, {b}: int) -> pd.DataFrame:
    return pd.DataFrame({{"{name}_u": [{a}, 1], "{name}_v": [2, {b}]}})

def _{name}_columns():
    def {name}_w({name}_u: pd.Series, {name}_v: pd.Series) -> pd.Series:
        return {name}_u + {name}_v

    return {name}_w

@h_pandas.with_columns(_{name}_columns(), columns_to_pass=["{name}_u", "{name}_v"]{select})
def {name}_wide({name}_table: pd.DataFrame) -> pd.DataFrame:
    return {name}_table

def {name}({name}_wide: pd.DataFrame) -> int:
    return int({name}_wide["{name}_w"].sum())"""
    return [name], source.strip()


def _saved(module: _Module, name: str) -> tuple[list[str], str]:
    a = module.parent()
    save = f'@fm.save_to.memory(output_name_="{name}_saved")'
    return [], f"{save}\ndef {name}({a}: int) -> dict:\n    return {{'a': {a}}}"


def _resolved(module: _Module, name: str) -> tuple[list[str], str]:
    a, b = module.parents()
    source = f"""
@fm.resolve_from_config(
    decorate_with=lambda mode: fm.inject(picked=fm.source("{a}" if mode == "x" else "{b}"))
)
def {name}(picked: int) -> int:
    return picked + 5"""
    return [name], source.strip()


def _loaded(module: _Module, name: str) -> tuple[list[str], str]:
    return [name], f"@fm.dataloader()\ndef {name}() -> tuple[int, dict]:\n    return 8, {{'rows': 1}}"


def _mutated(module: _Module, name: str) -> tuple[list[str], str]:
    a = module.parent()
    return (
        [name],
        f"def {name}({a}: int) -> int:\n    return {a}\n\n@fm.mutate({name}, by=fm.value(4))\ndef _{name}_more(x: int, by: int) -> int:\n    return x + by",
    )


SHAPES: tuple[Callable[[_Module, str], tuple[list[str], str]], ...] = (
    _plain,
    _optional,
    _variants,
    _sometimes,
    _parameterized,
    _parameterized_simply,
    _injected,
    _fields,
    _unpacked,
    _columns,
    _does,
    _piped,
    _subgraph,
    _several_subgraphs,
    _with_columns,
    _saved,
    _resolved,
    _loaded,
    _mutated,
)
