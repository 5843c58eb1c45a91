"""What the names of pandas and its kin mean to whoever reads a script: pure or not, a table or a column."""

from __future__ import annotations

import ast
from typing import Final

__all__ = [
    "AGGREGATES",
    "ARRAYS",
    "COLUMNWISE",
    "COLUMN_METHODS",
    "CONSTANT_CALLS",
    "ELEMENTWISE",
    "FRAME_NAMES",
    "GROUP_TRANSFORMS",
    "MUTATORS",
    "ONLY_TOLD",
    "READS_DATA",
    "READ_ONLY",
    "REDUCTIONS",
    "TABLE_CALLS",
    "TABLE_METHODS",
    "TABLE_ONLY",
    "TABLE_ONLY_BY",
    "TEXT_METHODS",
    "WINDOWS",
    "WRITERS",
    "dotted",
    "gives_table",
    "impure_name",
    "impurity",
]

FRAME_NAMES: Final = frozenset(
    """T abs add agg aggregate align all any apply applymap asfreq asof assign astype at attrs axes
    between_time bfill bool boxplot clip columns combine combine_first compare convert_dtypes copy
    corr corrwith count cov cummax cummin cumprod cumsum describe diff div divide dot drop
    drop_duplicates droplevel dropna dtypes duplicated empty eq equals eval ewm expanding explode
    ffill fillna filter first first_valid_index flags floordiv from_dict ge get groupby gt head hist
    iat idxmax idxmin iloc index infer_objects info insert interpolate isin isna isnull items
    iterrows itertuples join keys kurt kurtosis last le loc lt map mask max mean median melt
    memory_usage merge min mod mode mul multiply ndim ne nlargest notna notnull nsmallest nunique
    pct_change pipe pivot pivot_table plot pop pow prod product quantile query radd rank rdiv
    reindex reindex_like rename rename_axis reorder_levels replace resample reset_index rfloordiv
    rmod rmul rolling round rpow rsub rtruediv sample select_dtypes sem set_axis set_flags set_index
    shape shift size skew sort_index sort_values sparse squeeze stack std style sub subtract sum
    swaplevel tail take transform transpose truediv truncate unstack update value_counts values var
    where xs""".split()  # noqa: SIM905
)
"""Attributes of a table that are no columns of it."""

COLUMN_METHODS: Final = frozenset(
    """abs add apply astype between bfill clip combine_first convert_dtypes copy cummax cummin cumprod
    cumsum diff div divide eq ffill fillna floordiv ge gt infer_objects interpolate isin isna isnull
    le lt map mask mod mul multiply ne notna notnull pct_change pow rank replace radd rdiv rmul
    round rsub rtruediv shift sub subtract truediv where""".split()  # noqa: SIM905
)
"""Methods of a column that give a column with the same rows."""

COLUMNWISE: Final = frozenset(
    """abs astype bfill clip cumsum diff ffill fillna isna isnull notna notnull pct_change replace round
    shift""".split()  # noqa: SIM905
)
"""Methods of a table that do to each of its columns what the methods of these names do."""

TEXT_METHODS: Final = frozenset(
    """capitalize casefold center contains count endswith find fullmatch get isalnum isalpha isdigit
    islower isnumeric isupper len ljust lower lstrip match pad removeprefix removesuffix repeat
    replace rjust rstrip slice startswith strip swapcase title translate upper zfill""".split()  # noqa: SIM905
)
"""Methods of `.str` that give a column with the same rows."""

WINDOWS: Final = frozenset({"ewm", "expanding", "rolling"})
AGGREGATES: Final = frozenset(
    """agg aggregate apply corr count cov kurt max mean median min nunique quantile rank sem skew std sum
    var""".split()  # noqa: SIM905
)
"""Methods of a window that give a column with the same rows."""

REDUCTIONS: Final = frozenset("all any count kurt max mean median min nunique sem skew std sum var".split())  # noqa: SIM905
"""Methods of a column that give a single value."""

GROUP_TRANSFORMS: Final = frozenset(
    "bfill cumcount cummax cummin cumprod cumsum diff ffill ngroup pct_change rank shift transform".split()  # noqa: SIM905
)
"""Methods of a grouped column that give a column with the same rows."""

ELEMENTWISE: Final = frozenset(
    """abs absolute arccos arcsin arctan arctan2 ceil cos cosh cbrt deg2rad exp exp2 expm1 fabs floor
    fmax fmin hypot isfinite isinf isnan log log10 log1p log2 maximum minimum mod power rad2deg
    remainder rint round sign sin sinh sqrt square tan tanh trunc""".split()  # noqa: SIM905
)
"""Functions of numpy that give a column for columns."""

ARRAYS: Final = frozenset({"choose", "digitize", "searchsorted", "select", "where"})
"""Functions of numpy that give an array with a value for each row."""

TABLE_CALLS: Final = frozenset(
    """DataFrame concat crosstab get_dummies json_normalize melt merge merge_asof merge_ordered pivot
    pivot_table read_clipboard read_csv read_excel read_feather read_fwf read_json read_orc
    read_parquet read_sas read_spss read_sql read_sql_query read_sql_table read_stata
    read_table wide_to_long""".split()  # noqa: SIM905
)
"""Functions of pandas that give a table."""

TABLE_METHODS: Final = frozenset(
    """add_prefix add_suffix align applymap assign astype bfill combine_first convert_dtypes copy
    describe drop drop_duplicates dropna explode ffill fillna filter head infer_objects interpolate
    join mask melt merge nlargest nsmallest pipe pivot pivot_table query reindex rename reset_index
    sample select_dtypes set_axis set_index shift sort_index sort_values tail to_frame transpose
    truncate where""".split()  # noqa: SIM905
)
"""Methods of a table that give a table."""

TABLE_ONLY: Final = frozenset(
    """assign columns iterrows itertuples join melt merge pivot pivot_table query select_dtypes
    set_index to_feather to_parquet""".split()  # noqa: SIM905
)
"""What nothing but a table is asked for."""

TABLE_ONLY_BY: Final = frozenset({"drop_duplicates", "dropna", "groupby", "sort_values"})
"""Methods that of a table name columns, while those of a column have nothing to name."""

MUTATORS: Final = frozenset(
    """add append clear discard extend insert pop popitem remove reverse setdefault sort update""".split()  # noqa: SIM905
)
"""Methods that change what they are called on and are mostly called for that."""

READ_ONLY: Final = frozenset(
    """all any astype corr count cov describe drop drop_duplicates dropna duplicated equals fillna groupby
    head hist idxmax idxmin info isna isnull items iterrows itertuples keys kurt kurtosis max mean median
    memory_usage min mode nlargest notna notnull nsmallest nunique quantile reset_index round sem skew
    sort_index sort_values std sum tail to_frame to_list to_string tolist transpose unique value_counts
    values var""".split()  # noqa: SIM905
)
"""Methods of tables and columns that change nothing, unless they are asked to, of whatever has them."""

CONSTANT_CALLS: Final = frozenset(
    """DateOffset DatetimeIndex Decimal Fraction Path PurePath Timedelta Timestamp array compile date
    datetime dict float float32 float64 frozenset int int32 int64 join len linspace arange list max
    min namedtuple range round set sorted str sum timedelta to_datetime to_timedelta tuple""".split()  # noqa: SIM905
)
"""Functions that give the same value each time, for constants; by the last part of their names."""

READS_DATA: Final = "it reads data from outside"
"""Why the value of a call depends on more than its arguments: no reason to tell, as data must come in."""

ONLY_TOLD: Final = ("it prints", "it logs", "it sets what is warned of")
"""What a function or a block may do besides, with no harm where it happens as the features are executed."""

_EFFECTS: Final = {
    "open": "it opens a file",
    "input": "it asks whoever runs it",
    "print": "it prints",
    "display": "it displays",
    "exec": "it executes text",
    "eval": "it evaluates text",
    "globals": "it looks at the names of the script",
    "locals": "it looks at the names of the script",
    "exit": "it ends the script",
    "quit": "it ends the script",
}
_MODULES: Final = {
    "random": "it draws random numbers, which depend on what was drawn before",
    "numpy.random": "it draws random numbers, which depend on what was drawn before",
    "matplotlib": "it draws",
    "plt": "it draws",
    "seaborn": "it draws",
    "logging": "it logs",
    "requests": "it asks a server",
    "urllib": "it asks a server",
    "subprocess": "it starts programs",
    "shutil": "it changes files",
    "glob": "it looks for files",
    "sys": "it depends on how the script was started",
    "argparse": "it reads the command line",
    "time": "it depends on the time",
    "warnings": "it sets what is warned of",
    "json.load": "it reads a file",
    "json.dump": "it writes a file",
    "yaml": "it reads or writes a file",
    "pickle": "it reads or writes a file",
    "joblib": "it reads or writes a file",
    "sqlite3": "it opens a database",
    "sqlalchemy": "it opens a database",
    "os": "it depends on the machine",
    "gc": "it looks after memory",
}
_METHODS: Final = {
    **dict.fromkeys(("parse_args", "parse_known_args"), "it reads the command line"),
    **dict.fromkeys(("read_bytes", "read_text", "write_bytes", "write_text"), "it reads or writes a file"),
    **dict.fromkeys(("exists", "is_dir", "is_file", "iterdir", "mkdir", "rglob"), "it looks for files"),
}
_NAMES: Final = {
    "sys.argv": "it reads the command line",
    "os.environ": "it depends on the machine",
}
_HARMLESS: Final = frozenset(
    {"os.path.join", "os.path.basename", "os.path.splitext", "json.loads", "json.dumps"}
)
_NOW: Final = frozenset({"now", "today", "utcnow"})
_UNSEEDED: Final = frozenset({"sample", "train_test_split"})


_NO_TABLE: Final = frozenset({"chunksize", "iterator", "sheet_name", "squeeze", "typ"})


def gives_table(call: ast.Call) -> bool:
    """Tell whether a function of pandas surely gives a table, by its name and by what it is given."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
    return name in TABLE_CALLS and not any(keyword.arg in _NO_TABLE for keyword in call.keywords)


def dotted(node: ast.AST) -> str:
    """Return the dotted name that an expression is; empty where it is something else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id])) if isinstance(node, ast.Name) else ""


def impure_name(name: str) -> str:
    """Return why what a dotted name stands for is another thing each time; `name` has modules in full."""
    return _NAMES.get(".".join(name.split(".")[:2]), "")


def impurity(call: ast.Call, name: str) -> str:
    """Return why the value of a call depends on more than its arguments, or why it does more than give one.

    Args:
        call: The call.
        name: The dotted name of its function, with modules by their full names; empty where it is none.
    """
    last = call.func.attr if isinstance(call.func, ast.Attribute) else name.rpartition(".")[2]
    if name in _EFFECTS:
        return _EFFECTS[name]
    if last.startswith("read_") and name.startswith(("pandas.", "pd.", "polars.", "pl.", "geopandas.")):
        return READS_DATA
    if name not in _HARMLESS:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            if (found := ".".join(parts[:end])) in _MODULES and (end < len(parts) or found.count(".")):
                return _MODULES[found]
    if last in _METHODS:
        return _METHODS[last]
    if last in _NOW and not call.args:
        return "it depends on the time"
    if last in _UNSEEDED and all(keyword.arg != "random_state" for keyword in call.keywords):
        return "it draws random numbers, which depend on what was drawn before"
    if last.startswith("to_") and last in WRITERS and (call.args or call.keywords):
        return "it writes data"
    return ""


WRITERS: Final = frozenset(
    """to_csv to_excel to_feather to_hdf to_json to_orc to_parquet to_pickle to_sql to_stata to_xml
    to_html to_markdown to_latex to_clipboard""".split()  # noqa: SIM905
)
