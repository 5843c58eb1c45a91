"""The tables and views of a catalog that is exported as one SQLite file, by names that people read."""

from __future__ import annotations

from typing import Final

__all__ = ["APPLICATION_ID", "FORMAT", "TABLES", "VIEWS", "script"]

FORMAT: Final = 1
"""Another one whenever a table or a column changes or goes; such a file is read by none but its like."""

APPLICATION_ID: Final = 0x48774361
"""Stands in the header of the file, where `file` and others look for what made it."""

TABLES: Final = """
CREATE TABLE export (          -- what this file is, one fact in a row
    name TEXT PRIMARY KEY,     -- format, headwater, reader, lineage_scheme, repository, address, day
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE commits (         -- the commit that all of it is of; always one row
    sha TEXT PRIMARY KEY,
    parents TEXT NOT NULL,     -- JSON list of full names
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    author TEXT NOT NULL,      -- the name alone
    authored_at TEXT NOT NULL, -- UTC, as 2026-11-22T15:20:00Z
    committed_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE modules (         -- modules that define features
    module TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    features INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE features (        -- one row for each feature, whatever number of functions makes it
    key TEXT PRIMARY KEY,      -- module:name
    module TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,        -- of its first function
    summary TEXT NOT NULL,     -- first line of its documentation
    owner TEXT NOT NULL,       -- whom to ask, several with commas; table owners has them one by one
    variants INTEGER NOT NULL, -- how many functions make it
    lineage_hash TEXT NOT NULL,  -- equal where it means the same, with all upstream of it
    is_known INTEGER NOT NULL  -- 0: it reaches something unknown, so its hash may not be all that counts
) WITHOUT ROWID;

CREATE TABLE definitions (     -- one row for each function that makes a feature
    feature TEXT NOT NULL REFERENCES features (key),
    function TEXT NOT NULL,    -- its name, with its suffix
    path TEXT NOT NULL,
    line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    type TEXT NOT NULL,
    doc TEXT NOT NULL,
    condition TEXT NOT NULL,   -- configurations it exists under; empty: all
    source TEXT NOT NULL,
    tags TEXT NOT NULL,        -- JSON object; table tags has them one by one
    parts TEXT NOT NULL,       -- JSON list of nodes folded into it: name, type, doc
    uses TEXT NOT NULL,        -- JSON list of columns that its body uses undeclared: table, column, written
    partial TEXT NOT NULL,     -- JSON list of reasons why reading does not say all that running would
    source_hash TEXT NOT NULL, -- of exactly that text
    code_hash TEXT NOT NULL,   -- of the code whatever its layout
    definition_hash TEXT NOT NULL,  -- of the code with all that it reaches, what is upstream left out
    reaches TEXT NOT NULL,     -- JSON list of what it names, as keys of table units
    opaque TEXT NOT NULL,      -- JSON list of reasons why that may not be all
    PRIMARY KEY (feature, function)
) WITHOUT ROWID;

CREATE TABLE parameters (      -- the names that a function asks for
    feature TEXT NOT NULL REFERENCES features (key),
    function TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    optional INTEGER NOT NULL,
    PRIMARY KEY (feature, function, position)
) WITHOUT ROWID;

CREATE TABLE tags (            -- what functions say of features; a list has a row for each of its values
    feature TEXT NOT NULL REFERENCES features (key),
    function TEXT NOT NULL,
    tag TEXT NOT NULL,
    position INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (feature, function, tag, position)
) WITHOUT ROWID;

CREATE TABLE owners (          -- whom to ask about a feature
    feature TEXT NOT NULL REFERENCES features (key),
    function TEXT NOT NULL,
    position INTEGER NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (feature, function, position)
) WITHOUT ROWID;

CREATE TABLE inputs (          -- what comes from outside
    key TEXT PRIMARY KEY,      -- input:name
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    summary TEXT NOT NULL,
    is_declared INTEGER NOT NULL  -- whether a function declares it
) WITHOUT ROWID;

CREATE TABLE declared_inputs ( -- the functions that declare inputs
    module TEXT NOT NULL,
    name TEXT NOT NULL,
    function TEXT NOT NULL,
    path TEXT NOT NULL,
    line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    type TEXT NOT NULL,
    doc TEXT NOT NULL,
    condition TEXT NOT NULL,
    tags TEXT NOT NULL,        -- JSON object
    owners TEXT NOT NULL,      -- JSON list
    PRIMARY KEY (module, name, function)
) WITHOUT ROWID;

CREATE TABLE edges (           -- target needs source
    source TEXT NOT NULL,      -- key of a feature or an input
    target TEXT NOT NULL,      -- key of a feature
    dataflow TEXT NOT NULL,
    PRIMARY KEY (source, target, dataflow)
) WITHOUT ROWID;

CREATE TABLE dataflows (
    name TEXT PRIMARY KEY,
    origin TEXT NOT NULL,      -- declared, driver or layout
    modules TEXT NOT NULL,     -- JSON list
    config TEXT NOT NULL,      -- JSON object
    sources TEXT NOT NULL,     -- JSON object: data files by the names of inputs
    outputs TEXT NOT NULL,     -- JSON list
    upstream TEXT NOT NULL,    -- JSON object: features of other repositories, which are not followed here
    sinks TEXT NOT NULL        -- JSON object
) WITHOUT ROWID;

CREATE TABLE classifications ( -- tags that flow downstream
    classification TEXT PRIMARY KEY,
    levels TEXT NOT NULL,      -- JSON list, the lowest first
    doc TEXT NOT NULL,
    features INTEGER NOT NULL  -- how many have it
) WITHOUT ROWID;

CREATE TABLE classified (      -- which features and inputs have which of them
    key TEXT NOT NULL,
    classification TEXT NOT NULL REFERENCES classifications (classification),
    level TEXT NOT NULL,
    is_carrier INTEGER NOT NULL,  -- 1: it says so of itself; 0: it flows in
    path TEXT NOT NULL,        -- JSON list of keys: a shortest way from where it comes from
    PRIMARY KEY (key, classification)
) WITHOUT ROWID;

CREATE TABLE barriers (        -- where a classification stops
    key TEXT NOT NULL,
    classification TEXT NOT NULL REFERENCES classifications (classification),
    kind TEXT NOT NULL,        -- barrier or anonymiser
    reason TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    until TEXT NOT NULL,
    is_expired INTEGER NOT NULL,
    holds_back TEXT NOT NULL,  -- JSON list of keys upstream that it comes from
    kept_free INTEGER NOT NULL,  -- how many features downstream would have it otherwise
    PRIMARY KEY (key, classification)
) WITHOUT ROWID;

CREATE TABLE policies (
    name TEXT PRIMARY KEY,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    owner TEXT NOT NULL,
    scope TEXT NOT NULL,
    query TEXT NOT NULL,
    needs TEXT NOT NULL,
    declared_in TEXT NOT NULL, -- path:line, or platform
    unknown TEXT NOT NULL      -- why it cannot be judged here; empty where it is
) WITHOUT ROWID;

CREATE TABLE findings (        -- what breaks policies, or contradicts what features say of themselves
    fingerprint TEXT PRIMARY KEY,  -- the same as long as it is the same finding
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,    -- error, warning or note
    message TEXT NOT NULL,
    feature TEXT NOT NULL,     -- empty where it is about a policy
    about TEXT NOT NULL,
    path TEXT NOT NULL,
    line INTEGER NOT NULL,
    owners TEXT NOT NULL,      -- JSON list
    because TEXT NOT NULL      -- JSON list of keys: a way downstream that shows it
) WITHOUT ROWID;

CREATE TABLE problems (        -- what in files could not be read as meant
    path TEXT NOT NULL,
    line INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (path, line, message)
) WITHOUT ROWID;

CREATE TABLE declarations (    -- what files declare of owners, rules and tables, and constants in SQL
    kind TEXT PRIMARY KEY,
    content TEXT NOT NULL      -- JSON object
) WITHOUT ROWID;

CREATE TABLE tests (           -- files of tests, with what tells which features they name
    path TEXT PRIMARY KEY,
    has_tests INTEGER NOT NULL, -- 0: only what tests of other files need
    imports TEXT NOT NULL,     -- JSON list of modules, and of names in them
    names TEXT NOT NULL        -- JSON list of what they ask modules for
) WITHOUT ROWID;

CREATE TABLE units (           -- helpers, constants and what is outside, as far as definitions reach them
    unit TEXT PRIMARY KEY,     -- JSON list: kind, module, name
    name TEXT NOT NULL,        -- as people say it
    own_hash TEXT NOT NULL,    -- of its own code
    hash TEXT NOT NULL,        -- of its code with all that it reaches
    reaches TEXT NOT NULL,     -- JSON object: keys of units by the names that its code has for them
    opaque TEXT NOT NULL       -- JSON list of reasons why that may not be all
) WITHOUT ROWID;
"""

VIEWS: Final = """
CREATE VIEW features_without_owner AS
    SELECT key, summary FROM features WHERE owner = '';

CREATE VIEW features_without_docs AS
    SELECT key, owner FROM features WHERE summary = '';

CREATE VIEW upstream AS        -- what each feature needs directly
    SELECT DISTINCT target AS feature, source AS needs FROM edges;

CREATE VIEW downstream AS      -- what needs each feature or input directly
    SELECT DISTINCT source AS key, target AS needed_by FROM edges;

CREATE VIEW most_used AS       -- how many features need each feature or input directly
    SELECT source AS key, count(DISTINCT target) AS users FROM edges GROUP BY source ORDER BY users DESC, key;

CREATE VIEW unused_features AS -- no feature needs them, and no dataflow names them as an output
    SELECT key, owner FROM features
    WHERE key NOT IN (SELECT source FROM edges)
      AND name NOT IN (SELECT value FROM dataflows, json_each(dataflows.outputs));

CREATE VIEW outputs AS         -- what dataflows make, with the features that make it
    SELECT dataflows.name AS dataflow, each.value AS output, features.key AS feature
    FROM dataflows, json_each(dataflows.outputs) AS each
    LEFT JOIN features ON features.name = each.value
        AND features.module IN (SELECT value FROM json_each(dataflows.modules));

CREATE VIEW classified_by_module AS
    SELECT classification, features.module, level, count(*) AS features
    FROM classified JOIN features USING (key)
    GROUP BY classification, features.module, level;

CREATE VIEW classified_by_owner AS
    SELECT classification, features.owner, level, count(*) AS features
    FROM classified JOIN features USING (key)
    GROUP BY classification, features.owner, level;

CREATE VIEW findings_by_rule AS
    SELECT rule, severity, count(*) AS findings FROM findings GROUP BY rule, severity;
"""

_INDEXES: Final = """
CREATE INDEX edges_by_target ON edges (target);
CREATE INDEX features_by_name ON features (name);
CREATE INDEX tags_by_tag ON tags (tag, value);
CREATE INDEX owners_by_owner ON owners (owner);
CREATE INDEX classified_by ON classified (classification, level);
"""


def script() -> str:
    """Return what makes an empty file of this format."""
    header = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
    return f"{header}{TABLES}{_INDEXES}{VIEWS}"
