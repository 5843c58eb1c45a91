"""What an expression of a script reads: columns, tables and variables, each at its version there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from headwater_catalog.convert.known import (
    AGGREGATES,
    ARRAYS,
    COLUMN_METHODS,
    ELEMENTWISE,
    FRAME_NAMES,
    GROUP_TRANSFORMS,
    REDUCTIONS,
    TABLE_METHODS,
    TEXT_METHODS,
    WINDOWS,
    dotted,
    gives_table,
    impure_name,
    impurity,
)
from headwater_catalog.convert.source import Edit, Source
from headwater_catalog.convert.static import static_value
from headwater_catalog.convert.values import (
    NO_LITERAL,
    Frame,
    Left,
    Piece,
    Ref,
    Value,
    closed,
    keywords,
    quoted,
)

__all__ = ["Expression", "Known"]

_SCOPES: Final = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NOT_GROUPED: Final = frozenset({"as_index", "axis", "level", "squeeze"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known where an expression stands.

    Attributes:
        source: The script.
        get: Gives what a variable stands for; None where it is none of the script.
        column: Gives the value of a column of a table.
        whole: Gives the value of a table with all its columns.
        setting: Gives the value of an entry of a configuration; None where it is none.
        given_to: Gives the variables of the script that a function of it reads.
        imports: What imported names stand for, in full.
    """

    source: Source
    get: Callable[[str], Frame | Value | None]
    column: Callable[[Frame, str, int], Value]
    whole: Callable[[Frame, int], Value]
    setting: Callable[[ast.expr], Value | None]
    given_to: Callable[[str], dict[str, Value]]
    imports: Mapping[str, str]


@dataclass
class Expression:
    """The reading of one expression.

    Attributes:
        edits: The places where something is read, with the values.
        columns: The value of each part that is one column.
        frames: The state of each part that is a whole table.
        impure: Why its value depends on more than what it reads; empty where it does not.
        free: Names that are none of the script's variables.
        hidden: Names that parts of it bind themselves, while they also read something.
        calls: The calls of functions that have names.
        given: Parts of it that are tables which the driver script brings in.
        named: Whether the names of columns may count where it is read just now.
        unsure: Whether what is read just now may never be evaluated.
    """

    known: Known
    given: Mapping[ast.AST, Frame] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    columns: dict[ast.AST, Value] = field(default_factory=dict)
    frames: dict[ast.AST, Frame] = field(default_factory=dict)
    impure: str = ""
    free: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    calls: list[ast.Call] = field(default_factory=list)
    named: bool = True
    unsure: bool = False

    def read(self, node: ast.AST, bound: frozenset[str] = frozenset()) -> Expression:
        """Read an expression; `bound` are names that stand for something of its own.

        Raises:
            Left: It reads something that no feature can give.
        """
        match node:
            case ast.Call() if node in self.given:
                self._frame(node, self.given[node])
            case ast.Name(id=name):
                if name not in bound:
                    self._name(node, name)
            case ast.Subscript(value=owner, slice=key) if self._is_frame(owner, bound):
                self._subscript(node, owner, key, bound)
            case ast.Attribute(value=owner, attr=name) if self._is_frame(owner, bound):
                self._attribute(node, owner, name)
            case ast.Subscript() | ast.Attribute() if (found := self._setting(node, bound)) is not None:
                self._replace(node, Ref(found))
            case ast.Call():
                self._call(node, bound)
            case ast.Attribute() if (why := impure_name(self.in_full(dotted(node)))) and not self.impure:
                self.impure = why
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                self.read(test, bound)
                self._perhaps([body, otherwise], bound)
            case ast.BoolOp(values=[first, *others]):
                self.read(first, bound)
                self._perhaps(others, bound)
            case ast.NamedExpr() | ast.Await() | ast.Yield() | ast.YieldFrom():
                raise Left("it sets a name inside an expression", "Set it in a line of its own.")
            case _ if isinstance(node, _SCOPES):
                self._scope(node, bound)
            case _:
                for part in ast.iter_child_nodes(node):
                    self.read(part, bound)
        return self

    def _perhaps(self, nodes: Iterable[ast.AST], bound: frozenset[str]) -> None:
        """Read expressions that may never be evaluated, so that columns in them need not be there."""
        unsure, self.unsure = self.unsure, True
        for node in nodes:
            self.read(node, bound)
        self.unsure = unsure

    # Names and columns

    def _name(self, node: ast.Name, name: str) -> None:
        found = self.known.get(name)
        if found is None:
            self.free.add(name)
        elif isinstance(found, Frame):
            self._frame(node, found)
        elif found.literal is not NO_LITERAL and found.made == "literal":
            self._replace(node, quoted(found.literal))
        elif (entry := self.known.setting(node)) is not None:
            self._replace(node, Ref(entry))
        elif found.made == "helper":
            self._edit(node, closed(found, self.known.given_to(name)))
        else:
            self._replace(node, Ref(found, named=found.shape == "column"))
            if found.shape == "column":
                self.columns[node] = found

    def _frame(self, node: ast.expr, frame: Frame) -> None:
        self.frames[node] = frame
        self._replace(node, Ref(self.known.whole(frame, node.lineno)))

    def _is_frame(self, node: ast.expr, bound: frozenset[str]) -> bool:
        return (
            isinstance(node, ast.Name) and node.id not in bound and isinstance(self.known.get(node.id), Frame)
        )

    def _frame_of(self, node: ast.expr) -> Frame:
        assert isinstance(node, ast.Name)
        frame = self.known.get(node.id)
        assert isinstance(frame, Frame)
        return frame

    def _subscript(self, node: ast.Subscript, owner: ast.expr, key: ast.expr, bound: frozenset[str]) -> None:
        name = static_value(key, self.known.get)
        if isinstance(name, str) and self._is_there(self._frame_of(owner), name):
            self._column(node, self._frame_of(owner), name)
            return
        if isinstance(name, list) and name and all(isinstance(each, str) for each in name):
            frame = self._frame_of(owner)
            if len(set(name)) == len(name) and all(self._is_there(frame, each) for each in name):
                values = [self.known.column(frame, each, node.lineno) for each in name]
                pieces: list[Piece] = ["pd.DataFrame({"]
                for each, value in zip(name, values, strict=True):
                    pieces += [", " if len(pieces) > 1 else "", f"{quoted(each)}: ", Ref(value)]
                self._edit(node, (*pieces, "})"))
                return
        self._frame(owner, self._frame_of(owner))
        named, self.named = self.named, False
        self.read(key, bound)
        self.named = named

    def _attribute(self, node: ast.Attribute, owner: ast.expr, name: str) -> None:
        frame = self._frame_of(owner)
        is_column = name not in FRAME_NAMES and not name.startswith(("_", "to_"))
        if is_column and self._is_there(frame, name):
            self._column(node, frame, name)
        elif name in ("index", "shape"):  # the rows are those of the base
            self._replace(
                owner,
                Ref(frame.base, rows=True) if name == "index" else Ref(self.known.whole(frame, node.lineno)),
            )
        else:
            self._frame(owner, frame)

    def _is_there(self, frame: Frame, name: str) -> bool:
        """Tell whether a column may be read in any case."""
        return not self.unsure or name in frame.columns or name in frame.base.columns

    def _column(self, node: ast.expr, frame: Frame, name: str) -> None:
        value = self.known.column(frame, name, node.lineno)
        self.columns[node] = value
        self._replace(node, Ref(value, named=self.named))

    def _setting(self, node: ast.expr, bound: frozenset[str]) -> Value | None:
        root: ast.expr = node
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if isinstance(root, ast.Name) and root.id in bound:
            return None
        return self.known.setting(node)

    # Calls and what has names of its own

    def in_full(self, name: str) -> str:
        """Return a dotted name with the module as it is called in full."""
        root, _, rest = name.partition(".")
        return self.known.imports.get(root, root) + (f".{rest}" if rest else "")

    def _call(self, node: ast.Call, bound: frozenset[str]) -> None:
        if (entry := self.known.setting(node)) is not None:
            self._replace(node, Ref(entry))
            return
        name = dotted(node.func)
        if name.partition(".")[0] not in bound:
            self.impure = self.impure or impurity(node, self.in_full(name))
            if name:
                self.calls.append(node)
        is_len = isinstance(node.func, ast.Name) and node.func.id == "len" and len(node.args) == 1
        if is_len and self._is_frame(node.args[0], bound):
            self._replace(node.args[0], Ref(self._frame_of(node.args[0]).base, rows=True))
            return
        if not self._grouped(node, bound) and not self._helped(node, bound):
            for part in ast.iter_child_nodes(node):
                self.read(part, bound)

    def _helped(self, node: ast.Call, bound: frozenset[str]) -> bool:
        """Read a call of a function of the script that reads variables of it, which it is given, too."""
        match node.func:
            case ast.Name(id=name) if name not in bound:
                helper = self.known.get(name)
            case _:
                return False
        if not isinstance(helper, Value) or helper.made != "helper":
            return False
        given = self.known.given_to(name)
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        source = self.known.source
        last = max([source.end(node.func), *map(source.end, arguments)])
        sign = {"": ", ", "(": "", ",": " "}.get(source.text[last : source.end(node) - 1].strip())
        if not given or sign is None:
            return False
        self._replace(node.func, Ref(helper))
        for part in [*node.args, *node.keywords]:
            self.read(part, bound)
        end = source.end(node) - 1
        self.edits.append((end, end, (sign, *keywords(given))))
        return True

    def _grouped(self, node: ast.Call, bound: frozenset[str]) -> bool:
        """Read `table.groupby("k")["v"].transform(...)` as what it does to columns."""
        match node.func:
            case ast.Attribute(
                value=ast.Subscript(
                    value=ast.Call(func=ast.Attribute(value=owner, attr="groupby")) as grouping, slice=key
                ) as selected,
                attr=method,
            ) if method in GROUP_TRANSFORMS and self._is_frame(owner, bound):
                pass
            case _:
                return False
        name = static_value(key, self.known.get)
        keywords = {keyword.arg for keyword in grouping.keywords}
        by = [*grouping.args, *(keyword.value for keyword in grouping.keywords if keyword.arg == "by")]
        if not isinstance(name, str) or len(by) != 1 or keywords & _NOT_GROUPED or None in keywords:
            return False
        items = by[0].elts if isinstance(by[0], (ast.List, ast.Tuple)) else [by[0]]
        keys = [static_value(item, self.known.get) for item in items]
        if not all(isinstance(each, str) for each in keys):
            return False
        frame, source = self._frame_of(owner), self.known.source
        value = self.known.column(frame, name, node.lineno)
        self._replace(owner, Ref(value, named=True))
        for item, each in zip(items, keys, strict=True):
            self._replace(item, Ref(self.known.column(frame, each, node.lineno)))
        self.edits.append((source.end(grouping), source.end(selected), ()))
        for keyword in grouping.keywords:
            if keyword.arg != "by":
                self.read(keyword.value, bound)
        for part in [*node.args, *node.keywords]:
            self.read(part, bound)
        self.columns[node] = value
        return True

    def _scope(self, node: ast.AST, bound: frozenset[str]) -> None:
        if isinstance(node, ast.Lambda):
            arguments = node.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            named += [each for each in (arguments.vararg, arguments.kwarg) if each]
            own = {each.arg for each in named}
        else:
            own = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and _is_set(each)}
        before = len(self.edits)
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.comprehension):
                for inner in [part.iter, *part.ifs]:
                    self.read(inner, bound | own)
            elif not isinstance(part, ast.arguments):
                self.read(part, bound | own)
            else:
                for default in [*part.defaults, *filter(None, part.kw_defaults)]:
                    self.read(default, bound)
        if len(self.edits) > before:
            self.hidden |= own

    def _replace(self, node: ast.expr, piece: Piece) -> None:
        self._edit(node, (piece,))

    def _edit(self, node: ast.expr, pieces: tuple[Piece, ...]) -> None:
        source = self.known.source
        self.edits.append((source.start(node), source.end(node), pieces))

    # What kind of value it is

    def rows_of(self, node: ast.expr) -> Value | None:
        """Return the table whose rows an expression surely has, as a column; None where it is not sure."""
        if (column := self.columns.get(node)) is not None:
            return column.base
        match node:
            case ast.BinOp(left=left, right=right):
                return self._common([left, right])
            case ast.Compare(left=left, comparators=[right]):
                return self._common([left, right])
            case ast.UnaryOp(op=ast.Invert() | ast.USub() | ast.UAdd(), operand=operand):
                return self.rows_of(operand)
            case ast.Call(func=ast.Attribute(value=owner, attr=method)):
                return self._called(node, owner, method)
            case ast.Attribute(value=ast.Attribute(value=owner, attr="dt")):
                return self.rows_of(owner)
        return None

    def _common(self, nodes: Iterable[ast.expr]) -> Value | None:
        """Return the rows of several columns and single values put together."""
        found: Value | None = None
        for node in nodes:
            if self.is_scalar(node):
                continue
            rows = self.rows_of(node)
            if rows is None or (found is not None and rows is not found):
                return None
            found = rows
        return found

    def is_scalar(self, node: ast.expr) -> bool:
        """Tell whether an expression surely is a single value."""
        match node:
            case ast.Constant():
                return True
            case ast.UnaryOp(operand=ast.Constant()):
                return True
            case ast.BinOp(left=left, right=right):
                return self.is_scalar(left) and self.is_scalar(right)
            case ast.Name(id=name):
                found = self.known.get(name)
                is_written = isinstance(found, Value) and isinstance(found.literal, (bool, int, float, str))
                return is_written or (isinstance(found, Value) and found.is_scalar)
        return self.is_reduced(node) or self._is_entry(node)

    def _is_entry(self, node: ast.expr) -> bool:
        if not isinstance(node, (ast.Subscript, ast.Attribute, ast.Call)):
            return False
        found = self.known.setting(node)
        return found is not None and isinstance(found.literal, (bool, int, float, str))

    def is_reduced(self, node: ast.expr) -> bool:
        """Tell whether an expression surely is a single value that is made from a column."""
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=method), args=[], keywords=[]):
                return method in REDUCTIONS and self.rows_of(owner) is not None
        return False

    def _called(self, node: ast.Call, owner: ast.expr, method: str) -> Value | None:
        full = self.known.imports.get(dotted(owner), "")
        if full == "numpy" and method in ELEMENTWISE and not node.keywords:
            return self._common(node.args)
        if full == "pandas" and method in ("to_datetime", "to_numeric") and node.args:
            return self.rows_of(node.args[0])
        if full == "pandas" and method in ("cut", "qcut") and node.args:
            plain = all(keyword.arg != "retbins" for keyword in node.keywords)
            return self.rows_of(node.args[0]) if plain else None
        match owner:
            case ast.Attribute(value=inner, attr="str") if method in TEXT_METHODS:
                return self.rows_of(inner)
            case ast.Attribute(value=inner, attr="dt") if method != "to_pydatetime":
                return self.rows_of(inner)
            case ast.Call(func=ast.Attribute(value=inner, attr=window)) if window in WINDOWS:
                return self.rows_of(inner) if method in AGGREGATES else None
        if any(keyword.arg == "inplace" for keyword in node.keywords):
            return None
        return self.rows_of(owner) if method in COLUMN_METHODS else None

    def is_container(self, node: ast.expr) -> bool:
        """Tell whether an expression surely is a list, a dictionary or a set."""
        match node:
            case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id=name)):
                return name in ("dict", "list", "set", "sorted") and self.known.get(name) is None
            case ast.Call(func=ast.Attribute(attr=method)):
                return method in ("to_dict", "to_list", "tolist")
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.BitOr(), right=right):
                return self.is_container(left) or self.is_container(right)
            case ast.Name(id=name):
                found = self.known.get(name)
                return isinstance(found, Value) and found.is_container
        return False

    def is_array(self, node: ast.expr) -> bool:
        """Tell whether an expression surely is an array with a value for each row of what it reads."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            full = self.known.imports.get(dotted(node.func.value), "")
            return full == "numpy" and node.func.attr in ARRAYS and bool(self.columns)
        return False

    def is_table(self, node: ast.expr) -> bool:
        """Tell whether an expression surely is a table."""
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=name)):
                if self.known.imports.get(dotted(owner), dotted(owner)) in ("pandas", "pd"):
                    return gives_table(node)
                return name in TABLE_METHODS and self.is_table(owner)
            case ast.Subscript(value=owner, slice=key) if owner in self.frames:
                return not isinstance(static_value(key, self.known.get), str)
            case ast.Subscript(value=ast.Attribute(value=owner, attr="loc"), slice=key):
                alone = not isinstance(key, ast.Tuple) or isinstance(key.elts[-1], (ast.List, ast.Slice))
                return self.is_table(owner) and alone
            case ast.Subscript(value=ast.Attribute(value=owner, attr="iloc"), slice=key):
                rows, columns = key.elts if isinstance(key, ast.Tuple) and len(key.elts) == 2 else (key, key)
                many = (ast.List, ast.Slice)
                return self.is_table(owner) and isinstance(rows, many) and isinstance(columns, many)
            case ast.Subscript(slice=ast.List()) if node not in self.columns:
                return self._picks(node)
        return node in self.frames

    def _picks(self, node: ast.Subscript) -> bool:
        if isinstance(node.value, ast.Name) and isinstance(self.known.get(node.value.id), Frame):
            return True
        return self.is_table(node.value)


def _is_set(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)
