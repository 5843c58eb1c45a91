"""Which files are modules, under which names, and which of them look like ones of features."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from headwater.function import ParameterKind
from headwater_catalog.read.bindings import Constant, Import, Opaque
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.functions import RawFunction
from headwater_catalog.read.parse import Content, ParsedModule
from headwater_catalog.read.signs import LIBRARIES
from headwater_catalog.read.syntax import walk

__all__ = [
    "Module",
    "has_features",
    "is_candidate",
    "is_source",
    "is_test",
    "module_name",
    "modules_of",
    "offers_feature",
]

NOTEBOOK = ".ipynb"
_FOREIGN = frozenset({"__pycache__", "build", "dist", "env", "node_modules", "site-packages", "venv"})
_TESTS = frozenset({"test", "testing", "tests"})
_NOT_FEATURES = frozenset({"benchmarks", "docs", "migrations", "scripts"})
_RUNNERS = frozenset(
    ("airflow", "bentoml", "burr", "celery", "click", "dagster", "dlt", "dramatiq", "fastapi", "fastmcp")
    + ("flask", "huey", "invoke", "langchain", "langchain_core", "langgraph", "litestar", "luigi", "marimo")
    + ("mcp", "metaflow", "modal", "nox", "prefect", "pydantic_ai", "pytest", "rq", "streamlit", "typer")
    + ("zenml",)
)
"""Packages whose decorators make commands, tasks, pages or tests of functions."""

_REGISTRIES = frozenset(
    ("api", "app", "application", "blueprint", "bp", "celery", "cli", "mcp", "router", "server")
)
"""Names under which such objects are usually imported from where they are made."""

_COLUMNAR = frozenset(
    ("cudf", "dask", "dask_expr", "databricks", "duckdb", "geopandas", "ibis", "modin", "narwhals")
    + ("pandas", "pandera", "polars", "pyarrow", "pyspark", "vaex")
)
"""Packages whose types are tables and their columns."""

_SERVING = frozenset(
    ("aiohttp", "anthropic", "argparse", "asyncpg", "azure", "boto3", "botocore", "bs4", "chromadb", "cohere")
    + ("discord", "django", "docker", "dotenv", "elasticsearch", "flask_sqlalchemy", "git", "github")
    + ("gradio", "groq", "grpc", "haystack", "httpx", "huggingface_hub", "instructor", "jinja2", "jwt")
    + ("kafka", "kubernetes", "langfuse", "litellm", "llama_index", "mistralai", "ollama", "openai")
    + ("paramiko", "pika", "pinecone", "playwright", "psycopg", "psycopg2", "pydantic", "pydantic_settings")
    + ("pymongo", "qdrant_client", "redis", "requests", "rich", "scrapy", "selenium", "slack_sdk", "socketio")
    + ("sqlalchemy", "sqlmodel", "starlette", "telegram", "textual", "tkinter", "tornado", "unittest")
    + ("urllib3", "uvicorn", "weaviate", "websockets", "werkzeug")
)
"""Packages of programs that serve people, ask servers or store things; features seldom take from them."""

_NOT_FEATURE_FILES = frozenset({"noxfile.py", "run.py", "setup.py"})


@dataclass(frozen=True, slots=True)
class Module:
    """A module of a source tree: its dotted name, its file, and what that says."""

    name: str
    path: str
    content: Content

    @property
    def parsed(self) -> ParsedModule:
        """Return what its file says."""
        return self.content.parsed

    @property
    def meaning(self) -> str:
        """Return the hash of all that other modules can take from it, but what is in its functions."""
        return f"{self.parsed.meaning}/" if self.is_package else self.parsed.meaning

    @property
    def whole(self) -> str:
        """Return the hash of where it stands and of its whole content, which is not looked into for it."""
        place = f"{self.content.name} {self.path}"
        return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def is_package(self) -> bool:
        """Tell whether relative imports start inside it."""
        return self.path.endswith("__init__.py")


@lru_cache(maxsize=65_536)
def is_source(path: str) -> bool:
    """Tell whether a path of a source tree is one that the reader may want."""
    *folders, name = path.split("/")
    foreign = any(folder in _FOREIGN or folder.startswith(".") for folder in folders)
    return name.endswith((".py", NOTEBOOK)) and not foreign and not name.startswith(".")


@lru_cache(maxsize=65_536)
def is_test(path: str) -> bool:
    """Tell whether a file belongs to tests."""
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0]
    is_named = stem.startswith("test_") or stem.endswith("_test") or name == "conftest.py"
    return is_named or any(folder in _TESTS for folder in folders)


@lru_cache(maxsize=65_536)
def is_candidate(path: str) -> bool:
    """Tell whether a file may hold features though no dataflow names it: no test, script or manual."""
    *folders, name = path.split("/")
    is_other = name in _NOT_FEATURE_FILES or any(folder in _NOT_FEATURES for folder in folders)
    return is_source(path) and not is_other and not is_test(path)


@lru_cache(maxsize=65_536)  # a scan asks for the same paths at every commit
def module_name(path: str, source_roots: tuple[str, ...] = ("src",)) -> str | None:
    """Return the dotted name under which a file is imported; None where it cannot be.

    What cannot be in a name is `_` in those of folders, whose files are imported from beside them, and in
    those of notebooks, which nobody imports.

    Args:
        path: Path of the file from the top of the tree.
        source_roots: Folders that importing starts from; the longest that fits counts.
    """
    fitting = [root for root in source_roots if path.startswith(f"{root}/")]
    place, dot, ending = path.removeprefix(f"{max(fitting, key=len)}/" if fitting else "").rpartition(".")
    parts = place.split("/")
    if dot + ending == NOTEBOOK:
        parts[-1] = _identifier(parts[-1])
    elif parts[-1] == "__init__":
        parts.pop()
    if dot + ending not in (".py", NOTEBOOK) or not parts:
        return None
    *folders, last = parts
    names = [*map(_identifier, folders), _identifier(last) if place.endswith("/__init__") else last]
    return ".".join(names) if all(name.isidentifier() for name in names) else None


def _identifier(part: str) -> str:
    return re.sub(r"\W|^(?=\d)", "_", part)


def _is_renamed(path: str) -> bool:
    """Tell whether a file is named otherwise than it lies."""
    return not all(part.isidentifier() for part in path.rpartition(".")[0].split("/"))


def modules_of(
    files: Mapping[str, Content], source_roots: Collection[str] = ()
) -> tuple[dict[str, Module], list[Diagnostic]]:
    """Return the modules of a source tree by name, and what is wrong with their places."""
    # `src` is the usual root; where it is a package itself, people import from `src.…`.
    roots = (*source_roots, *(() if "src/__init__.py" in files else ("src",)))
    modules: dict[str, Module] = {}
    diagnostics = []
    for path in sorted(files, key=_rank):
        name = module_name(path, roots)
        if name is None:
            continue
        if name in modules:
            taken = modules[name].path
            message = f"The module '{name}' is {taken} already, so this file is not read. Rename one of them."
            diagnostics.append(Diagnostic(path, 0, message))
        else:
            modules[name] = Module(name, path, files[path])
    return modules, diagnostics


@lru_cache(maxsize=65_536)
def _rank(path: str) -> tuple[bool, bool, bool, str]:
    """Return what tells which of two files of one name has it."""
    # A package goes before a module of the same name, as it does in Python, and both before a notebook.
    return path.endswith(NOTEBOOK), _is_renamed(path), not path.endswith("/__init__.py"), path


def has_features(module: Module) -> bool:
    """Tell whether a module that no dataflow names looks like one of features.

    Most annotated functions of programs are there to be called and are no features. What takes from packages
    of such programs must give a sign that it is a module of features all the same: a function is decorated by
    a modifier, makes a table or a column of one, or is needed by another one, whose parameter bears its name.
    """
    if not is_candidate(module.path):
        return False  # without a look into it: tests are a good part of most repositories
    offering = [function for function in module.parsed.functions if offers_feature(function, module)]
    return bool(offering) and (
        not _serves(module)
        or _has_modifiers(module)
        or _makes_columns(module, offering)
        or _is_connected(offering)
    )


def _has_modifiers(module: Module) -> bool:
    """Tell whether a module decorates functions by modifiers, be it only its helpers."""
    functions = (*module.parsed.functions, *module.parsed.helpers)
    decorators = (decorator for function in functions for decorator in function.decorators)
    return any(_library(_root(decorator), module) in LIBRARIES for decorator in decorators)


def _makes_columns(module: Module, offering: Sequence[RawFunction]) -> bool:
    """Tell whether a function says that it makes a table or a column."""
    names = {name for function in offering for name in _names_in(function.returns)}
    return any(_library(name, module) in _COLUMNAR for name in names)


def _is_connected(offering: Sequence[RawFunction]) -> bool:
    """Tell whether a parameter of one function bears the name of another one."""
    made = {function.name.partition("__")[0] for function in offering}
    return any(p.name in made and p.name != f.name for f in offering for p in f.parameters)


def _serves(module: Module) -> bool:
    """Tell whether a module takes from packages of programs that do more than calculate."""
    taken = {_library(name, module) for name in module.parsed.bindings}
    return not taken.isdisjoint(_RUNNERS | _SERVING)


def _names_in(annotation: ast.expr | None) -> Iterator[str]:
    """Yield the names in an annotation, also where it is written as a text."""
    for node in walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"[^\W\d]\w*", node.value)


def _library(name: str, module: Module) -> str:
    """Return the package that a name of a module is imported from; empty where it is of the repository."""
    bound = module.parsed.bindings.get(name)
    if isinstance(bound, Import):
        return "" if bound.level else bound.module.partition(".")[0]
    stars = () if bound else (star.partition(".")[0] for star, level in module.parsed.stars if not level)
    return next((star for star in stars if star in LIBRARIES), "")


def offers_feature(function: RawFunction, module: Module) -> bool:
    """Tell whether an undeclared function of a module looks like a feature.

    It is fully annotated, makes a value, takes every parameter by name, and is no entry point and no test.
    """
    if function.name == "main" or function.name.startswith("test_"):
        return False
    if any(_registers(decorator, module) for decorator in function.decorators):
        return False
    makes_value = function.returns is not None and not _is_none(function.returns)
    by_name = (ParameterKind.POSITIONAL_OR_KEYWORD, ParameterKind.KEYWORD_ONLY)
    return makes_value and all(p.annotation is not None and p.kind in by_name for p in function.parameters)


def _registers(decorator: ast.expr, module: Module) -> bool:
    """Tell whether a decorator hands a function over to something that will call it, as `@app.get("/")` does.

    It is taken from an object, not from a module, or from a package that is known to run functions.
    """
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    is_attribute = isinstance(called, ast.Attribute)
    bound = module.parsed.bindings.get(_root(decorator))
    if isinstance(bound, Import):
        is_object = is_attribute and bound.name is not None and bound.name.lower() in _REGISTRIES
        return is_object or (not bound.level and bound.module.partition(".")[0] in _RUNNERS)
    is_made = isinstance(bound, Constant) and isinstance(bound.expression, ast.Call)
    return is_attribute and (is_made or isinstance(bound, Opaque))


def _root(decorator: ast.expr) -> str:
    """Return the name that a decorator begins with; empty where it begins with none."""
    owner = decorator.func if isinstance(decorator, ast.Call) else decorator
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    return owner.id if isinstance(owner, ast.Name) else ""


def _is_none(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Constant) and annotation.value is None
