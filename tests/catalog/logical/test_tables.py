"""Tables of a repository: declared or known by use, bound to inputs, filled by outputs; what is open is told."""

from pathlib import Path
from textwrap import dedent

import pytest

from headwater_catalog.governance.witness import sources_of
from headwater_catalog.logical import bound
from headwater_catalog.query.classified import classify
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_snapshots import read_folder

_CODE = """\
import pandas as pd
from headwater import tag

def hello(email: pd.Series) -> pd.Series:
    return email

def ratio(spend: pd.Series, signups: pd.Series) -> pd.Series:
    return spend / signups
"""
_USERS = """\
[tables.users]
connection = "warehouse"
table = "crm.Users"
doc = "One row per user."
owner = "growth"
[tables.users.columns]
id = "int"
email = { type = "str", doc = "Where mail goes.", tags = { pii = true } }
"""
_FLOW = '[dataflows.main]\nmodules = ["m"]\noutputs = ["ratio"]\n'


class Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, project: str, **modules: str) -> Snapshot:
        for name, code in {"m": _CODE, **modules}.items():
            (self._folder / f"{name}.py").write_text(code)
        (self._folder / "headwater.toml").write_text(project)
        return read_folder(self._folder)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def _upstream(snapshot: Snapshot, key: str) -> list[str]:
    return list(snapshot.lineage.upstream(key))


def test_a_source_that_is_a_declared_table_binds_inputs_to_its_columns(folder):
    snapshot = folder.read(f'{_USERS}{_FLOW}[dataflows.main.sources]\nusers = {{ table = "users" }}\n')

    assert snapshot.diagnostics == ()
    assert _upstream(snapshot, "m:hello") == [
        "input:email",
        "table:warehouse:crm.users#email",
        "table:warehouse:crm.users",
    ]
    assert _upstream(snapshot, "m:ratio") == ["input:signups", "input:spend"]
    (stored,) = snapshot.dataflows[0].sources.values()
    assert stored["locations"][""] == {"connection": "warehouse", "table": "crm.Users"}
    assert snapshot.tables.unclear == ()
    node = snapshot.lineage["table:warehouse:crm.users#email"]
    assert (node.name, node.type, node.summary, node.kind) == (
        "users.email",
        "str",
        "Where mail goes.",
        "column",
    )


def test_a_place_that_is_declared_need_not_be_named(folder):
    source = 'users = { connection = "warehouse", table = "CRM.users" }'
    snapshot = folder.read(f"{_USERS}{_FLOW}[dataflows.main.sources]\n{source}\n")

    assert snapshot.lineage.children("table:warehouse:crm.users#email") == ("input:email",)
    assert snapshot.tables.get("users").name == "users"


def test_a_query_leads_to_the_columns_it_reads(folder):
    query = (
        "select u.*, sum(o.amount) as spend, count(*) as signups from crm.users u join crm.orders o on 1 = 1"
    )
    source = f'all = {{ connection = "warehouse", query = "{query}" }}'
    snapshot = folder.read(f"{_USERS}{_FLOW}[dataflows.main.sources]\n{source}\n")

    assert snapshot.lineage.parents("input:email") == ("table:warehouse:crm.users#email",)
    assert snapshot.lineage.parents("input:spend") == ("table:warehouse:crm.orders#amount",)
    assert snapshot.lineage.parents("input:signups") == ()
    assert snapshot.tables.unclear == ()


def test_the_only_table_without_known_columns_has_what_inputs_ask_for(folder):
    source = 'weekly = { url = "s3://lake/weekly.parquet" }'
    snapshot = folder.read(f"{_FLOW}[dataflows.main.sources]\n{source}\n")

    assert snapshot.lineage.parents("input:spend") == ("table:s3:lake/weekly.parquet#spend",)
    assert snapshot.tables.unclear == ()
    assert not snapshot.tables.get("s3:lake/weekly.parquet").declared


def test_an_input_that_may_come_from_several_is_told(folder):
    sources = (
        'a = { connection = "w", table = "a", index = "week" }\nb = { connection = "w", table = "b" }\n'
        'c = "data/c.csv"\nemail = { feature = "x:y:email" }'
    )
    snapshot = folder.read(f"{_FLOW}config = {{ signups = 3 }}\n[dataflows.main.sources]\n{sources}\n")

    assert snapshot.lineage.parents("input:spend") == ("table:w:a#spend", "table:w:b#spend")
    assert snapshot.lineage.parents("input:signups") == snapshot.lineage.parents("input:email") == ()
    (unclear,) = snapshot.tables.unclear
    assert unclear.text == (
        "Input 'spend' of dataflow 'main' may come from 'a' or 'b' or 'c'. "
        "Declare the columns of their tables under [tables]."
    )
    assert snapshot.tables.told_of(["input:spend"]) == (unclear.text,)
    assert snapshot.tables.told_of(["input:signups"]) == ()


def test_a_column_of_two_sources_is_told_as_the_run_refuses_it(folder):
    more = _USERS.replace("users]", "people]").replace("users.", "people.").replace("crm.Users", "people")
    sources = 'a = { table = "users" }\nb = { table = "people" }'
    snapshot = folder.read(f"{_USERS}{more}{_FLOW}[dataflows.main.sources]\n{sources}\n")

    assert len(snapshot.lineage.parents("input:email")) == 2
    assert "is a column of the sources 'a' and 'b': a run refuses that" in snapshot.tables.unclear[0].text


def test_what_one_dataflow_fills_another_reads(folder):
    project = (
        f'{_FLOW}[dataflows.main.sinks]\nout = {{ connection = "w", table = "marts.r" }}\n'
        '[dataflows.next]\nmodules = ["n"]\n[dataflows.next.sources]\n'
        'r = { connection = "w", table = "marts.r" }\n'
    )
    snapshot = folder.read(project, n="def twice(ratio: float) -> float:\n    return ratio * 2\n")

    column = "table:w:marts.r#ratio"
    assert list(snapshot.lineage.downstream("m:ratio")) == [column, "input:ratio", "n:twice"]
    assert list(snapshot.graph.downstream("m:ratio")) == []
    assert column in snapshot.lineage_of("next").nodes
    assert "m:ratio" not in snapshot.lineage_of("next").nodes
    assert snapshot.lineage_of("main").children("m:ratio") == (column,)
    assert snapshot.lineage_of("main").children(column) == ()


def test_a_dataflow_may_read_what_it_fills(folder):
    project = (
        f'{_FLOW}[dataflows.main.sinks]\nout = {{ connection = "w", table = "t" }}\n'
        '[dataflows.main.sources]\nbefore = { connection = "w", table = "t" }\n'
    )
    snapshot = folder.read(project, m="def ratio(ratio_before: float, ratio: float) -> float: ...\n")

    assert "m:ratio" in snapshot.lineage.nodes


def test_sql_in_code_leads_to_its_columns(folder):
    code = (
        "import pandas as pd\n\n\n"
        "def orders(engine: object) -> pd.DataFrame:\n"
        "    return pd.read_sql('select id, email from crm.users', engine)\n\n\n"
        "def saved(orders: pd.DataFrame, engine: object) -> pd.DataFrame:\n"
        "    orders.to_sql('marts.orders', engine)\n"
        "    return orders\n\n\n"
        "def loose(engine: object, t: str) -> pd.DataFrame:\n"
        "    return pd.read_sql(f'select * from {t}', engine)\n"
    )
    snapshot = folder.read(f"{_USERS}{_FLOW}", m=code)

    assert snapshot.lineage.parents("m:orders") == (
        "input:engine",
        "table:warehouse:crm.users#email",
        "table:warehouse:crm.users#id",
    )
    assert snapshot.lineage.children("m:saved") == ("table:engine:marts.orders",)
    (unclear,) = snapshot.tables.unclear
    told = "it is open which table '{…}' is: what it is filled in with stands elsewhere."
    assert unclear.text == f"m.py:14: the query of 'loose': {told}"


def test_tables_of_spark_are_read_and_filled(folder):
    code = (
        "from pyspark.sql import DataFrame, SparkSession\n\n\n"
        "def people(spark: SparkSession) -> DataFrame:\n"
        "    return spark.sql('select upper(email) as email from crm.users')\n\n\n"
        "def whole(spark: SparkSession) -> DataFrame:\n"
        "    return spark.read.table('crm.users')\n\n\n"
        "def saved(people: DataFrame) -> DataFrame:\n"
        "    people.write.mode('overwrite').saveAsTable('marts.people')\n"
        "    return people\n"
    )
    snapshot = folder.read(f"{_USERS}{_FLOW}", m=code)

    assert snapshot.lineage.parents("m:people") == ("input:spark", "table:warehouse:crm.users#email")
    assert snapshot.lineage.children("m:saved") == ("table:spark:marts.people",)
    assert {"m:people", "m:whole", "m:saved"} <= set(classify(snapshot, "pii").keys)
    assert snapshot.tables.unclear == ()


@pytest.mark.parametrize("asked", ["crm.users", "select * from crm.users"])
def test_tables_that_are_read_as_a_whole_too_often_are_told(folder, monkeypatch, asked):
    monkeypatch.setattr(bound, "_MOST_WORK", 5 * 2 * 16)  # five times two columns
    code = "\n".join(
        f"def f{n}(con: object) -> object:\n    return pd.read_sql('{asked}', con)\n" for n in range(9)
    )
    tables = folder.read(_USERS, m=f"import pandas as pd\n\n{code}").tables

    assert 0 < sum("#" in source for source, _ in tables.edges) < 2 * 9
    assert "too many" in tables.unclear[-1].text or "too long" in tables.unclear[-1].text


def test_duckdb_reads_files_and_tables_of_the_code_itself(folder):
    code = (
        "import duckdb\nimport pandas as pd\n\n\n"
        "def spend(orders: pd.DataFrame) -> pd.DataFrame:\n"
        "    return duckdb.sql(\"select o.id, r.rate from orders o join './data/rates.csv' r using (day)\").df()\n"
    )
    snapshot = folder.read(_FLOW, m=code)

    assert snapshot.lineage.parents("m:spend") == ("input:orders",)
    ((key, sources),) = [(use.table, snapshot.tables.edges) for use in snapshot.tables.uses]
    assert key == "table:./data/rates.csv"
    assert (f"{key}#rate", "m:spend") in sources


def test_a_classification_flows_from_a_column_through_tables(folder):
    project = (
        f'{_USERS}{_FLOW.replace("ratio", "hello")}[dataflows.main.sources]\nusers = {{ table = "users" }}\n'
        '[dataflows.main.sinks]\nout = { connection = "w", table = "marts.r" }\n'
        '[dataflows.next]\nmodules = ["n"]\n[dataflows.next.sources]\n'
        'r = { connection = "w", table = "marts.r" }\n'
    )
    snapshot = folder.read(project, n="def size(hello: str, id: int) -> int: ...\n")

    found = classify(snapshot, "pii")

    assert found.carriers == {"table:warehouse:crm.users#email"}
    assert "n:size" in found.keys and "m:ratio" not in found.keys
    (witness,) = sources_of(snapshot, found, "n:size")
    assert witness.path == (
        *("table:warehouse:crm.users#email", "input:email", "m:hello"),
        *("table:w:marts.r#hello", "input:hello", "n:size"),
    )


@pytest.mark.parametrize("type_", ["pd.DataFrame", "pd.DataFrame | None", "Annotated[pd.DataFrame, 'net']"])
def test_a_source_that_is_an_input_as_a_whole_brings_all_of_its_columns(folder, type_):
    project = f'{_USERS}{_FLOW}[dataflows.main.sources]\nusers = {{ table = "users" }}\n'
    code = f"import pandas as pd\nfrom typing import Annotated\ndef known(users: {type_}) -> pd.Series: ...\n"
    snapshot = folder.read(project.replace('["m"]', '["n"]'), n=code)
    undeclared = folder.read(
        f'{_FLOW}[dataflows.main.sources]\nusers = {{ connection = "w", table = "u" }}\n'.replace(
            '"m"', '"n"'
        ),
        n=code,
    )

    columns = ("table:warehouse:crm.users#email", "table:warehouse:crm.users#id")
    assert snapshot.lineage.parents("input:users") == columns
    assert "n:known" in classify(snapshot, "pii").keys
    assert undeclared.lineage.parents("input:users") == ("table:w:u",)
    assert snapshot.tables.unclear == undeclared.tables.unclear == ()


_UNTOLD = """
    import pandas as pd
    from frames_of_others import Frame
    try:
        Either = pd.DataFrame
    except AttributeError:
        Either = dict
    def size({parameter}) -> int: ...
"""


@pytest.mark.parametrize("type_", ["Frame", "Either", "Frame | None", "make_a_type()", "'Either'"])
def test_an_input_that_only_python_can_tell_to_be_a_table_has_all_that_it_may_have(folder, type_):
    project = f'{_USERS}{_FLOW}[dataflows.main.sources]\nusers = {{ table = "users" }}\n'
    code = dedent(_UNTOLD.format(parameter=f"users: {type_}"))
    snapshot = folder.read(project.replace('["m"]', '["n"]'), n=code)
    (told,) = snapshot.tables.unclear

    assert "n:size" in classify(snapshot, "pii").keys
    assert told.text.startswith(
        "Input 'users' of dataflow 'main' may be all of source 'users': only running the"
    )
    assert "Write the type itself, such as pandas.DataFrame." in told.text


@pytest.mark.parametrize(
    "type_", ["int", "pd.Series", "list[pd.DataFrame]", "dict | None", "pd.DataFrame | int"]
)
def test_an_input_that_is_certainly_no_table_is_not_told_of(folder, type_):
    project = f'{_USERS}{_FLOW}[dataflows.main.sources]\nusers = {{ table = "users" }}\n'
    code = dedent(_UNTOLD.format(parameter=f"users: {type_}"))
    snapshot = folder.read(project.replace('["m"]', '["n"]'), n=code)

    assert snapshot.tables.unclear == ()
    assert "n:size" not in classify(snapshot, "pii").keys


@pytest.mark.parametrize(
    ("place", "is_bound"),
    [
        ('connection = "w"\ntable = "t"', True),
        ('url = "s3://lake/t.parquet"', False),
        ('path = "t.csv"', False),
    ],
)
def test_columns_are_told_apart_by_case_but_for_those_of_databases(folder, place, is_bound):
    project = f"[tables.t]\n{place}\ncolumns = ['EMAIL', 'Id']\n{_FLOW}"
    sources = '[dataflows.main.sources]\nt = { table = "t" }\nother = { connection = "w", table = "other" }\n'
    parents = folder.read(f"{project}{sources}").lineage.parents("input:email")

    assert parents == (("table:w:t#email",) if is_bound else ("table:w:other#email",))


def test_what_one_of_several_asks_for_as_a_table_is_one(folder):
    project = f'{_USERS}{_FLOW}[dataflows.main.sources]\nusers = {{ table = "users" }}\n'
    code = (
        "from typing import Any\nimport pandas as pd\n"
        "def first(users: Any) -> int: ...\ndef second(users: pd.DataFrame) -> int: ...\n"
    )
    snapshot = folder.read(project.replace('["m"]', '["n"]'), n=code)

    assert snapshot.graph["input:users"].type == "pandas.DataFrame"
    assert {"n:first", "n:second"} <= classify(snapshot, "pii").keys


def test_an_output_that_only_python_can_tell_to_be_a_table_fills_all_that_it_may_fill(folder):
    sink = '[dataflows.main.sinks]\nout = { connection = "w", table = "t" }\n'
    code = "from frames_of_others import Frame\n\ndef ratio(a: int) -> Frame: ...\n"
    snapshot = folder.read(f"{_FLOW}{sink}", m=code)

    assert snapshot.lineage.children("m:ratio") == ("table:w:t", "table:w:t#ratio")
    assert "Output 'ratio' of dataflow 'main' may be all of a table" in snapshot.tables.unclear[0].text


def test_a_table_may_be_classified_as_a_whole_and_a_column_of_it_be_a_barrier(folder):
    project = (
        '[tables.people]\nurl = "s3://lake/people.parquet"\ntags = { pii = true }\n'
        "[tables.people.columns]\nspend = { tags = { pii = 'barrier', pii_reason = 'r', pii_reviewer = 'a' } }\n"
        f"signups = 'int'\n{_FLOW}[dataflows.main.sources]\npeople = {{ table = 'people' }}\n"
    )
    found = classify(folder.read(project), "pii")

    assert {"input:signups", "m:ratio"} <= found.keys
    assert "input:spend" not in found.keys


def test_an_output_may_be_named_with_its_module_and_one_that_nothing_makes_is_told(folder):
    flow = _FLOW.replace('"ratio"', '"m:ratio", "hallo"')
    snapshot = folder.read(f'{flow}[dataflows.main.sinks]\nout = {{ connection = "w", table = "t" }}\n')

    assert snapshot.lineage.parents("table:w:t#ratio") == ("m:ratio", "table:w:t")
    assert [each.text for each in snapshot.tables.unclear] == [
        "Output 'hallo' of dataflow 'main' is made by no feature of it, so it cannot be run. "
        "Did you mean 'hello'?"
    ]


def test_a_dataflow_without_outputs_fills_what_a_run_says(folder):
    snapshot = folder.read(
        '[dataflows.main]\nmodules = ["m"]\n[dataflows.main.sinks]\nout = { connection = "w", table = "t" }\n'
    )

    assert "Dataflow 'main' declares no outputs" in snapshot.tables.unclear[0].text


def test_a_frame_fills_its_table_as_a_whole(folder):
    code = "import pandas as pd\n\ndef ratio(a: int) -> pd.DataFrame: ...\n"
    sink = '[dataflows.main.sinks]\nout = { connection = "w", table = "t" }\n'
    snapshot = folder.read(f"{_FLOW}{sink}", m=code)

    assert snapshot.lineage.children("m:ratio") == ("table:w:t",)


@pytest.mark.parametrize(
    ("project", "told"),
    [
        (
            f'{_USERS}{_FLOW}[dataflows.main.sources]\nu = {{ table = "user" }}\n',
            "dataflows.main.sources.u.table is 'user', which [tables] does not declare. Did you mean 'users'? It "
            "has no effect. A table of a database needs its connection, too.",
        ),
        ("[tables.a]\ndoc = 'x'\n", "tables.a says no place. Add a connection and a table, a url or a path."),
        (
            '[tables.a]\nconnection = "w"\nquery = "select 1"\n',
            "tables.a is a query, and no table; it has no effect. A source may be one.",
        ),
        ('[tables.a]\nurl = "s3://a/b"\ncolumn = []\n', "'tables.a.column' is unknown"),
        ('[tables.a]\nurl = "s3://a/b"\ncolumns = { x = 3 }\n', "tables.a.columns.x must be its type"),
        ('[tables]\na = "x"\n', "tables.a must be a table such as"),
        (
            '[tables.a]\nurl = "s3://a/b"\n[tables.b]\nurl = "s3://a/b"\n',
            "tables.b is where tables.a is, which counts. Declare it once.",
        ),
        (
            f'[tables.a]\npath = "a.csv"\n{_FLOW}[dataflows.main.sinks]\no = {{ table = "a" }}\n',
            "dataflows.main.sinks.o cannot be written to.",
        ),
    ],
)
def test_faults_of_declarations_are_told_once(folder, project, told):
    diagnostics = folder.read(project).diagnostics

    assert len(diagnostics) == 1
    assert diagnostics[0].message.startswith(told)
    assert diagnostics[0].line


def test_files_of_a_repository_are_listed_and_lineage_ends_before_them(folder):
    snapshot = folder.read(f'{_FLOW}[dataflows.main.sources]\nweekly = "data/weekly.csv"\n')

    assert snapshot.lineage is snapshot.graph
    assert [(use.table, use.name) for use in snapshot.tables.uses] == [("table:./data/weekly.csv", "weekly")]


def test_a_table_may_be_a_file_of_the_repository(folder):
    project = f"[tables.w]\npath = 'data/w.csv'\ncolumns = ['spend']\n{_FLOW}[dataflows.main.sources]\n"
    snapshot = folder.read(f"{project}w = {{ table = 'w' }}\n")

    assert snapshot.lineage.parents("input:spend") == ("table:./data/w.csv#spend",)
    assert snapshot.dataflows[0].sources["w"]["path"] == "data/w.csv"
