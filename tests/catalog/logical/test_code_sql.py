"""SQL in the code of features: what stands there, and what does not."""

import ast

import pytest

from headwater_catalog.logical.code_sql import CodeSql, constants_in_sql, sql_in
from headwater_catalog.logical.code_texts import Texts
from headwater_catalog.logical.constant_texts import constant_texts
from headwater_catalog.read import read_blob


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('@load_from.sql(query_or_table="users", db_connection=source("warehouse"))\ndef f(u): ...', ("users", "warehouse")),
        ("def f(con):\n    return pd.read_sql('select a from t', con)", ("select a from t", "con")),
        ("def f(self):\n    return pd.read_sql_table(table_name='t', con=self.engine)", ("t", "engine")),
        (
            "def f():\n    query = '''select a\n from t'''\n    return pl.read_database_uri(query, 'postgresql://me:secret@host/db?x=1')",
            ("select a\n from t", "postgresql://host/db"),
        ),
        ("def f(con):\n    return pd.read_sql(text('select 1 as a'), con)", ("select 1 as a", "con")),
        ("def f(con, t):\n    return pd.read_sql(f'select a from {t}', con)", ("select a from {filled}", "con")),
        (
            "def f(con):\n    q = 'select a from t'\n    if con:\n        q += f' where b = {con}'\n    return pd.read_sql(q, con)",
            ("select a from t where b = {filled}", "con"),
        ),
        ("def f(con, t):\n    return pd.read_sql('select {{a}}, {} from t'.format(t), con)", ("select {a}, {filled} from t", "con")),
        ("def f(con, d):\n    return pd.read_sql('select a from t where d = %s and n like \\'x%%\\'' % d, con)", ("select a from t where d = {filled} and n like 'x%'", "con")),
        ("def f(con, d):\n    t = 'u'\n    return pd.read_sql('select a from ' + t + ' where d =' + d, con)", ("select a from u where d ={filled}", "con")),
        ("def f(user, pw):\n    return pd.read_sql('select a from t', create_engine(f'pg://{user}:p/a@{pw}@host/db'))", ("select a from t", "pg://host/db")),
        ("def f(con, t):\n    return pd.read_sql_table(f't_{t}', con)", ("", "con")),
        ("def f(con):\n    for q in QUERIES:\n        pd.read_sql(q, con)", ("", "con")),
        ("def f(con, q='select a from t'):\n    q += ' where b'\n    return pd.read_sql(q, con)", ("", "con")),
        ("def f(con):\n    return pd.read_sql(QUERY, con)", ("", "con")),
        ("def f(orders):\n    return duckdb.sql('select a from orders').df()", ("select a from orders", "duckdb")),
        ("def f(spark):\n    return spark.sql('select a from crm.users')", ("select a from crm.users", "spark")),
        ("def f(spark):\n    return spark.table('crm.users')", ("crm.users", "spark")),
        ("def f():\n    return SparkSession.builder.getOrCreate().read.table(tableName='t')", ("t", "spark")),
        ("def f(spark, q):\n    return spark.sql(q)", ("", "spark")),
        ("def f(spark, t):\n    return spark.table(f'{t}_v2')", ("", "spark")),
        ("def f(con):\n    return con.execute(text('select a from t')).fetchall()", ("select a from t", "con")),
        ("def f(self):\n    q = '-- all\\nselect a from t'\n    return self.client.query(q).to_dataframe()", ("-- all\nselect a from t", "client")),
        ("def f(session):\n    return session.sql('with x as (select a from t) select * from x')", ("with x as (select a from t) select * from x", "session")),
        ("def f():\n    return pd.read_gbq('select a from d.t', project_id='shop')", ("select a from d.t", "shop")),
        ("def f():\n    return wr.athena.read_sql_query('select a from t', database='lake')", ("select a from t", "lake")),
        ("def f():\n    return cx.read_sql('postgresql://me:secret@host/shop', 'select a from t')", ("select a from t", "postgresql://host/shop")),
        ("def f(c):\n    return c.execute('with recursive `x` (a) as (select 1) select a from t')", ('with recursive `x` (a) as (select 1) select a from t', "c")),
    ],
)  # fmt: skip
def test_what_code_reads_is_found(code, expected):
    (found,) = sql_in(code)

    assert (found.text, found.connection, found.is_written) == (*expected, False)


def test_what_code_writes_is_found_with_its_line():
    code = "def f(frame, con):\n    frame.to_sql('marts.spend', con)\n    return frame"

    assert sql_in(code) == (CodeSql(2, "marts.spend", "con", is_written=True),)
    assert not sql_in(code)[0].is_query


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("def f(spends):\n    spends.write.mode('overwrite').saveAsTable('marts.spend')", "marts.spend"),
        ("def f(spends):\n    spends.write.insertInto('marts.spend')", "marts.spend"),
        ("def f(spends):\n    spends.writeTo('lake.marts.spend').append()", "lake.marts.spend"),
        ("def f(spends, day):\n    spends.write.saveAsTable(f'spend_{day}')", ""),
    ],
)
def test_tables_that_spark_writes_are_found(code, text):
    assert sql_in(code) == (CodeSql(2, text, "spark", is_written=True),)


@pytest.mark.parametrize("called", ["frame.to_gbq(", "pandas_gbq.to_gbq(frame, "])
def test_tables_of_bigquery_are_found_that_are_written(called):
    code = f"def f(frame):\n    {called}'marts.spend', project_id='shop')\n    return frame"

    assert sql_in(code) == (CodeSql(2, "marts.spend", "shop", is_written=True),)


@pytest.mark.parametrize(
    ("code", "own"),
    [
        ("def f(con, orders):\n    return con.sql('select a from orders')", {"con", "orders"}),
        ("def f(spark, o):\n    o.createOrReplaceTempView('Orders')\n    return spark.sql('select a from Orders')", {"orders"}),
        ("def f(c: duckdb.Con, o):\n    c.register('x', o)\n    return c.execute('select a from x')", {"c", "o", "x"}),
        ("def orders(con):\n    orders = con.execute('select a from orders').fetchall()\n    return orders", set()),
        ("def f(session):\n    users = session.sql('select a from users')\n    return users", set()),
    ],
)  # fmt: skip
def test_tables_of_the_code_itself_are_told_from_others(code, own):
    (found,) = sql_in(code)

    assert found.own == own


@pytest.mark.parametrize(
    "code",
    [
        "def f(a):\n    return a.sql('select 1')",
        "def f(orders):\n    return orders.query('select == 1')",
        "def f(con):\n    con.execute('delete from t')",
        "def f(model):\n    return model.query('With care, tell from the text what it says')",
        "def f():\n    duckdb.execute('SET threads = 1')",
        "def f(con, select):\n    return con.execute(select)",
        "def f(spark):\n    spark.sql('use crm')\n    spark.sql('drop table selected')",
        "def f(spark, o):\n    o.createTempView('v')\n    return spark.table('v')",
        "def f(a):\n    return pl.SQLContext({'a': a}).execute('select x from a')",
        "def f(axes, selected):\n    return axes.table('crm.users')",
        "def read_sql(a): ...",
        "def f(:",
        "def f(to_sql): return to_sql",
    ],
)
def test_other_code_reads_nothing(code):
    assert sql_in(code) == ()


def test_a_query_that_is_chosen_is_each_of_those_that_it_may_be():
    code = (
        "def f(con, old):\n    if old:\n        q = 'select a from t'\n    else:\n        q = 'select b from t'\n"
        "    return pd.read_sql(q, con)"
    )

    assert [found.text for found in sql_in(code)] == ["select a from t", "select b from t"]


@pytest.mark.parametrize(
    ("text", "is_query"),
    [
        ("users", False),
        ("crm.users", False),
        ("[dbo].[Users]", False),
        ("SELECT 1 AS a", True),
        ("(select 1 as a)", True),
        ("/* all */ select 1 as a", True),
        ("FROM users", True),
        ("PRAGMA table_info(users)", True),
        ("insert into t select 1 as a", True),
    ],
)
def test_a_statement_is_no_name_of_a_table(text, is_query):
    (found,) = sql_in(f"def f(con):\n    return pd.read_sql({text!r}, con)")

    assert found.is_query is is_query


def test_texts_that_may_be_very_many_are_none():
    chosen = "\n".join(f"    q += 'a' if x else 'b{n}'" for n in range(100))

    (found,) = sql_in(f"def f(x):\n    q = 'select '\n{chosen}\n    return pd.read_sql(q, x)")
    assert found.text == ""


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("def f(con):\n    return pd.read_sql(QUERY, con)", "select a from t"),
        ("def f(con):\n    return pd.read_sql(QUERY + ' where b', con)", "select a from t where b"),
        ("def f(con):\n    return con.execute(f'select * from {TABLE}')", "select * from crm.users"),
        ("def f(con):\n    QUERY = 'select b from u'\n    return pd.read_sql(QUERY, con)", "select b from u"),
        ("def f(con, QUERY):\n    return pd.read_sql(QUERY, con)", ""),
        ("def f(con):\n    from queries import QUERY\n    return pd.read_sql(QUERY, con)", ""),
        (
            "def f(con):\n    match g():\n        case [QUERY]:\n            return pd.read_sql(QUERY, con)",
            "",
        ),
    ],
)
def test_constants_of_the_module_are_known_unless_the_function_has_names_of_its_own(code, text):
    constants = {"QUERY": ["select a from t"], "TABLE": ["crm.users"], "URL": ["sqlite:///x"]}

    (found,) = sql_in(code, constants)
    assert (found.text, found.connection) == (text, "con")


def test_addresses_of_databases_are_no_constants_of_sql():
    code = "def f():\n    return pd.read_sql(QUERY, create_engine(f'{URL}/{PASSWORD}'))"
    constants = {"QUERY": ["text"], "URL": ["text"], "PASSWORD": ["text"]}

    assert constants_in_sql(code, constants) == {"QUERY"}


@pytest.mark.parametrize(
    "code",
    [
        "return t.query(OTHER)",
        "vault.register('name', OTHER)",
        "spark.sql(f'SET fs.key = {OTHER}')",
        "duckdb.sql(f'SET s3_secret_access_key = {OTHER}')",
        "duckdb.sql(f'CREATE OR REPLACE SECRET (SECRET {OTHER})')",
        "return cx.read_sql(OTHER, QUERY)",
    ],
)
def test_constants_that_are_asked_of_something_else_are_none_of_sql(code):
    constants = {"QUERY": ["select a from t"], "OTHER": ["hunter2"]}

    assert constants_in_sql(f"def f(con, t):\n    con.execute(QUERY)\n    {code}", constants) == {"QUERY"}


def test_constants_count_wherever_a_variable_that_has_them_is_asked_for():
    code = "def f(con, t):\n    q = TABLE\n    t.query(q)\n    return pd.read_sql(q, con)"

    assert constants_in_sql(code, {"TABLE": ["crm.users"]}) == {"TABLE"}


def test_addresses_with_secrets_are_no_constants_of_sql():
    code = (
        "URL = 'postgresql://me:secret@host/shop'\nPLACE = 's3://lake/x.parquet'\n\n\n"
        "def f():\n    return read_sql(URL, 'select 1'), duckdb.sql(f\"from '{PLACE}'\")\n"
    )

    assert constant_texts(read_blob(code.encode())) == {"PLACE": ["s3://lake/x.parquet"]}


@pytest.mark.parametrize("begin", ["a = 'select 1 from t '", "a = '/**/' * 2 + QUERY"])
def test_texts_that_double_line_by_line_are_none(begin):
    lines = "\n    ".join(f"{chr(97 + n + 1)} = {chr(97 + n)} + {chr(97 + n)}" for n in range(25))
    found = sql_in(f"def f(con):\n    {begin}\n    {lines}\n    return pd.read_sql(z, con)")

    assert [each.text for each in found] == [""]


def test_long_texts_are_read_once():
    zeros, slashes = "0" * 100_000, "//" * 50_000

    assert sql_in(f"def f(con):\n    return con.execute('%{zeros}' % 1)") == ()
    assert sql_in(f"def f():\n    return pd.read_sql('t', '{slashes}')")[0].text == "t"


def test_names_of_many_tables_of_the_code_are_kept_once():
    views = "".join(f"    con.register('v{n}', x)\n    con.sql('select a from v{n}')\n" for n in range(50))
    found = sql_in(f"def f(con, x):\n{views}")

    assert len(found) == 50
    assert len({id(each.own) for each in found}) == 1


def test_texts_that_are_very_long_all_together_are_none():
    lines = "\n".join(f"Q{n} = f'{{TEXT}}{n}'" for n in range(300))
    asked = ", ".join(f"con.execute(Q{n})" for n in range(300))
    code = f"TEXT = 'select a from t where b {' ' * 90_000}'\n{lines}\n\n\ndef f(con):\n    return {asked}\n"
    texts = Texts(ast.parse(code))

    assert 0 < sum(any(texts.of(ast.Name(f"Q{n}", ast.Load()))) for n in range(300)) < 300
    assert len(constant_texts(read_blob(code.encode()))) == 1


def test_constants_that_very_many_variables_are_made_of_are_known_to_few():
    constants = {f"Q{n}": [str(n)] for n in range(2_000)}
    lines = "\n".join(f"v{n} = v{n - 1} + Q{n}\n" for n in range(1, 2_000))
    texts = Texts(ast.parse(f"v0 = Q0\n{lines}"), constants)
    known = [any(texts.of(ast.Name(f"v{n}", ast.Load()))) for n in range(2_000)]

    assert known == sorted(known, reverse=True)
    assert 100 < sum(known) < 2_000


def test_many_comments_are_read_once():
    comments = "/**/" * 2_000

    assert sql_in(f"def f(con):\n    return con.execute('{comments}')") == ()
    assert sql_in(f"def f(con):\n    return con.execute('{comments} select a from t')")


def test_constants_that_are_nested_too_deeply_are_unknown():
    deep = " + ".join(["'select a from t'"] * 3_000)
    double = "\n".join(f"Q{n} = Q{n - 1} + Q{n - 1}" for n in range(1, 60))
    code = (
        f"DEEP = {deep}\nQ0 = 'select a from t'\n{double}\n\n\n"
        "def f(con):\n    return pd.read_sql(DEEP, con), pd.read_sql(Q59, con), pd.read_sql(Q0, con)\n"
    )

    assert constant_texts(read_blob(code.encode())) == {"Q0": ["select a from t"]}
