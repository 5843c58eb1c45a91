"""The catalog's database: connections, transactions, and its schema's version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session, sessionmaker

from headwater.errors import MissingExtra
from headwater_catalog.errors import SchemaOutdated, SettingError
from headwater_catalog.store.slow_queries import SlowQueries

__all__ = ["Database"]

_MIGRATIONS = "headwater_migrations"
_BUSY_MILLISECONDS = 30_000
_UPGRADE_LOCK = 0x4845414457415452  # any fixed number; PostgreSQL's advisory locks are named by numbers
_WRITES = "headwater_writes"
_PATIENCE = "headwater_patience"
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


class Database:
    """A catalog database on SQLite or PostgreSQL.

    Every write is one transaction. On SQLite it takes the write lock at its beginning: a transaction
    that reads first and then finds another writer would fail at once, whatever the timeout.
    """

    def __init__(self, url: str) -> None:
        self.url = _with_driver(url)
        self.engine = _engine(self.url)
        self.slow_queries = SlowQueries(self.engine)
        options: dict[str, Any] = {}
        if self.engine.dialect.name == "postgresql":
            # A page must see one state through all its queries, as it does on SQLite.
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = sessionmaker(self.engine.execution_options(**options), expire_on_commit=False)
        self._writing = sessionmaker(self.engine.execution_options(**{_WRITES: True}), expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that sees one state of the database; what it writes is not kept."""
        with self._reading() as session:
            yield session

    @contextmanager
    def write(self, *, patience: float | None = None) -> Iterator[Session]:
        """Open a session in one transaction, kept as a whole at the end or not at all.

        Args:
            patience: Seconds to wait for others that write; None: half a minute for all there is on SQLite,
                and as long as it takes for rows and tables on PostgreSQL.

        Raises:
            sqlalchemy.exc.OperationalError: Others have written for longer.
        """
        with self._writing.begin() as session:
            if patience is not None:
                milliseconds = max(1, round(patience * 1000))
                session.connection(execution_options={_PATIENCE: milliseconds})
                if self.engine.dialect.name == "postgresql":
                    session.execute(text(f"SET LOCAL lock_timeout = {milliseconds}"))
            yield session

    def upgrade(self) -> None:
        """Bring the schema to the version of the code; a second process that does the same waits.

        Raises:
            SchemaOutdated: The database was made by a newer Headwater.
        """
        engine = _engine(self.url, migrates=True)
        try:
            with engine.execution_options(**{_WRITES: True}).begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
                version = _version(connection)
                self._refuse_newer(version)
                if version != _newest():
                    _migrate(connection)
        finally:
            engine.dispose()

    def check(self) -> None:
        """Make sure that the schema has the version of the code.

        Raises:
            SchemaOutdated: It has another one, or there is none yet.
        """
        file = _file(self.url)
        if file is not None and not file.is_file():
            raise SchemaOutdated(
                f"There is no catalog in {file.parent}. Run `headwater init`, which also takes in the "
                "repository that you are in, or set HEADWATER_HOME to the folder of a catalog."
            )
        with self.engine.connect() as connection:
            version = _version(connection)
        self._refuse_newer(version)
        if version is None:
            raise SchemaOutdated(f"The database {self.shown} holds no catalog yet. Run: headwater db upgrade")
        if version != _newest():
            raise SchemaOutdated(
                f"The database {self.shown} has schema version {version}, and this Headwater "
                f"needs {_newest()}. Run: headwater db upgrade"
            )

    @property
    def version(self) -> str | None:
        """The version of its schema; None before it is made."""
        with self.engine.connect() as connection:
            return _version(connection)

    @property
    def size(self) -> int | None:
        """How many bytes it takes; None where that is not known."""
        file = _file(self.url)
        if file is not None:
            parts = (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm")))
            return sum(part.stat().st_size for part in parts if part.is_file())
        if self.engine.dialect.name != "postgresql":
            return None
        with self.engine.connect() as connection:
            return connection.execute(text("SELECT pg_database_size(current_database())")).scalar()

    @property
    def shown(self) -> str:
        """Its URL without the password."""
        return make_url(self.url).render_as_string(hide_password=True)

    def dispose(self) -> None:
        """Close the connections that are kept open."""
        self.engine.dispose()

    def _refuse_newer(self, version: str | None) -> None:
        if version is not None and version > _newest():
            raise SchemaOutdated(
                f"The database {self.shown} has schema version {version}, and this Headwater knows "
                f"only up to {_newest()}. Install the newer Headwater that upgraded it."
            )


def _with_driver(url: str) -> str:
    """Return the URL with the driver that Headwater uses for this kind of database."""
    if url.startswith("postgres:"):
        url = f"postgresql{url.removeprefix('postgres')}"
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.get_backend_name()]
    except (ArgumentError, KeyError) as error:
        # The URL may hold a password, so it is not repeated.
        raise SettingError(
            "The database URL must begin with sqlite:/// or postgresql://; "
            "Headwater keeps its catalog in one of these."
        ) from error
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


def _engine(url: str, *, migrates: bool = False) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return _postgresql_engine(url, {"poolclass": NullPool} if migrates else {"pool_pre_ping": True})
    file = _file(url)
    if migrates and file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(url, **({"poolclass": NullPool} if migrates else {}))
    _prepare_sqlite(engine, foreign_keys=not migrates)
    return engine


def _file(url: str) -> Path | None:
    """Return the file of an SQLite database; None for one in memory, or on a server."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(parsed.database or "")


def _postgresql_engine(url: str, options: dict[str, Any]) -> Engine:
    try:
        return create_engine(url, **options)
    except ModuleNotFoundError as error:
        raise MissingExtra("psycopg", "postgres", "A catalog on PostgreSQL") from error


def _prepare_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    """Take transactions into our own hands, and set what SQLite keeps per connection.

    Foreign keys are off in migrations alone: Alembic rebuilds a table by dropping the old one, which
    would delete every row that refers to it.
    """

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        patience = options.get(_PATIENCE, _BUSY_MILLISECONDS)
        if connection.info.get(_PATIENCE, _BUSY_MILLISECONDS) != patience:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")
            connection.info[_PATIENCE] = patience
        writes = options.get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(connection: Connection) -> None:
    # Imported here: servers and commands see to the schema at each start, and nearly always it is there.
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Named, not imported: the migrations stand above the catalog and import its models.
    config.set_main_option("script_location", str(resources.files(_MIGRATIONS)))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _newest() -> str:
    """Return the newest schema version: revisions are numbered, and their files begin with the number.

    Reading the names alone spares every command the import of Alembic.
    """
    folder = resources.files(_MIGRATIONS) / "versions"
    return max(file.name.partition("_")[0] for file in folder.iterdir() if file.name[:1].isdigit())
