"""The server's settings, from the environment and from headwater-server.toml."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headwater.errors import did_you_mean
from headwater_catalog.cluster_settings import CLUSTER_NAMES, NO_CLUSTERS, ClusterSettings, cluster_settings
from headwater_catalog.data_settings import DATA_NAMES, NOWHERE, DataSettings, data_settings
from headwater_catalog.errors import SettingError
from headwater_catalog.message_settings import (
    MESSAGE_NAMES,
    NO_MESSAGES,
    MessageSettings,
    message_settings,
)
from headwater_catalog.oidc_settings import OIDC_NAMES, OIDC_PREFIX, OidcSettings, oidc_settings
from headwater_catalog.rules import Policy
from headwater_catalog.run_executors import EXECUTORS
from headwater_catalog.run_settings import RUN_NAMES, RunSettings, run_settings
from headwater_catalog.secret_files import keep_secret, made_secret, read_secret

__all__ = ["FILE_NAME", "NAMES", "SECRETS", "Settings", "is_loopback", "load_settings"]

FILE_NAME = "headwater-server.toml"
NAMES = (
    *("home", "database_url", "secret_key", "host", "port", "auth", "url", "proxies"),
    *("values_limit", "inputs_limit", "environments_limit", "upload_megabytes"),
    *("jobs_per_repository", "manifest_key", "policies"),
    *("openlineage", "openlineage_namespace", "openlineage_key"),
    *DATA_NAMES,
    *CLUSTER_NAMES,
    *MESSAGE_NAMES,
    *OIDC_NAMES,
    *RUN_NAMES,
)
"""The settings as the file spells them; the environment has HEADWATER_ before the upper-case name."""

SECRETS = (
    *("database_url", "secret_key", "manifest_key", "openlineage_key", "oidc_client_secret"),
    *("smtp_password", "cluster_tokens"),
)
"""Settings that may be in a file of their own: the environment names it by the name with _FILE behind it."""

_PREFIX = "HEADWATER_"
_FOR_TESTS = "HEADWATER_TEST_"
_FOR_COMMANDS = ("HEADWATER_REMOTE", "HEADWATER_TOKEN")  # which ask a catalog that is served elsewhere
_GIGA = 10**9
_IN_GIGABYTES = ("values_limit", "inputs_limit", "environments_limit")
_MANIFEST_KEY_FILE = "manifest-key.pem"
_BEHIND = "_FILE"
_URL = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?/?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server and the command line run with.

    Attributes:
        home: Folder of the database, the mirrors and the secret key.
        database_url: SQLAlchemy URL of the catalog database.
        secret_key: The key that signs sessions and forms, if one is set; see `signing_key`.
        host: Address to serve on.
        port: Port to serve on.
        auth: `single` (one user, loopback only) or `accounts`.
        url: The address by which readers reach it, such as `https://features.example.org`, where that is not
            this machine's own.
        proxies: How many servers stand before it that each add the address of who asks to X-Forwarded-For.
        values_limit: How many bytes values of nodes may take that runs keep for others; 0: none are kept.
        inputs_limit: How many bytes inputs of runs may take that no commit has; beyond that, those go that no
            run needs now.
        environments_limit: How many bytes environments of repositories may take; beyond that, those go in
            which no run is.
        jobs_per_repository: How many jobs of one repository run at once, where it has no number of its own;
            0 means any number.
        manifest_key: The private key that signs manifests, as PEM, if one is set; see `manifest_signing_key`.
        policies: Policies that hold for all repositories, beside those of their own.
        openlineage: Where OpenLineage events of runs go: a file, or an http or https address; empty: nowhere.
        openlineage_namespace: By what they tell this catalog apart from others.
        openlineage_key: Sent to that address as a bearer token.
        oidc: How people log in by OpenID Connect; None where they do not.
        upload_megabytes: How large a file may be that somebody gives to a run.
        data: Where data may be that is not in a repository.
        clusters: Clusters on which runs may compute.
        runs: How the feature code of runs is held.
        messages: How people are told of what changes.
    """

    home: Path
    database_url: str
    secret_key: str
    host: str = "127.0.0.1"
    port: int = 8000
    auth: str = "single"
    url: str = ""
    proxies: int = 0
    values_limit: int = 10 * _GIGA
    inputs_limit: int = 10 * _GIGA
    environments_limit: int = 10 * _GIGA
    jobs_per_repository: int = 4
    manifest_key: str = ""
    policies: tuple[Policy, ...] = ()
    openlineage: str = ""
    openlineage_namespace: str = "headwater"
    openlineage_key: str = ""
    oidc: OidcSettings | None = None
    upload_megabytes: int = 200
    data: DataSettings = NOWHERE
    clusters: ClusterSettings = NO_CLUSTERS
    runs: RunSettings = field(default_factory=RunSettings)
    messages: MessageSettings = NO_MESSAGES

    @property
    def upload_limit(self) -> int:
        """How many bytes a file may have that somebody gives to a run."""
        return self.upload_megabytes * 1024 * 1024

    @property
    def site(self) -> str:
        """The host of the address by which readers reach it; empty without one."""
        return urlsplit(self.url).hostname or ""

    @property
    def address(self) -> str:
        """The address by which readers reach it, with nothing behind the host and the port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.url or f"http://{host}:{self.port}"

    @property
    def is_encrypted(self) -> bool:
        """Whether readers reach it by https."""
        return self.url.startswith("https:")

    def value_of(self, name: str) -> Any:
        """Return what a setting of `NAMES` comes to, in the unit in which it is set."""
        if name in DATA_NAMES:
            return getattr(self.data, name)
        if name in CLUSTER_NAMES:
            return getattr(self.clusters, name)
        if name in MESSAGE_NAMES:
            return getattr(self.messages, name)
        if name in OIDC_NAMES:
            return None if self.oidc is None else getattr(self.oidc, name.removeprefix(OIDC_PREFIX))
        if name in RUN_NAMES:
            return self.runs.value_of(name)
        if name == "policies":
            return sorted(policy.name for policy in self.policies)
        value = getattr(self, name)
        return value // _GIGA if name in _IN_GIGABYTES else value

    def signing_key(self) -> str:
        """Return the key that signs sessions and forms: the one that is set, else one kept in the home.

        That is made at first use, readable by its owner only, so that merely loading settings leaves nothing
        behind.

        Raises:
            SettingError: It cannot be read or made.
        """
        return self.secret_key or made_secret(self.home)

    def manifest_signing_key(self) -> str | None:
        """Return the private key that signs manifests: the one that is set, else the one kept in the home.

        Raises:
            SettingError: It cannot be read.
        """
        kept = self.home / _MANIFEST_KEY_FILE
        return self.manifest_key or (read_secret(kept) if kept.exists() else None)

    def keep_manifest_key(self, private: str) -> str:
        """Keep a private key in the home, for its owner only, and return it; or the one that was first."""
        kept = self.home / _MANIFEST_KEY_FILE
        try:
            keep_secret(kept, private)
        except OSError as error:
            raise SettingError(f"The key {kept} cannot be made: {error}.") from error
        return read_secret(kept)


def load_settings(environ: Mapping[str, str] | None = None, home: Path | None = None) -> Settings:
    """Load the settings; the environment wins over the file here, and that over the file in the home.

    Args:
        environ: The environment to read; that of this process if None.
        home: The home to use, whatever the settings say.

    Raises:
        SettingError: A setting is unknown, or its value cannot be used.
    """
    given = _from_environment(os.environ if environ is None else environ)
    here = _from_file(Path.cwd() / FILE_NAME)
    home = (home or _chosen_home(given, here)).absolute()
    values = {**_from_home(home), **here, **given}
    host = _text(values, "host") or "127.0.0.1"
    return Settings(
        home=home,
        database_url=_database_url(values, home),
        secret_key=_text(values, "secret_key") or "",
        host=host,
        port=_number(values, "port", 8000, range(1, 65536)),
        auth=_auth(values, host),
        url=_url(values),
        proxies=_number(values, "proxies", 0, range(10)),
        values_limit=_GIGA * _number(values, "values_limit", 10, range(100_000)),
        inputs_limit=_GIGA * _number(values, "inputs_limit", 10, range(100_000)),
        environments_limit=_GIGA * _number(values, "environments_limit", 10, range(100_000)),
        jobs_per_repository=_number(values, "jobs_per_repository", 4, range(1001)),
        manifest_key=_text(values, "manifest_key") or "",
        policies=_policies(values),
        openlineage=_openlineage(values),
        openlineage_namespace=_text(values, "openlineage_namespace") or "headwater",
        openlineage_key=_text(values, "openlineage_key") or "",
        oidc=oidc_settings(lambda name: _text(values, name)),
        upload_megabytes=_number(values, "upload_megabytes", 200, range(1, 100_001)),
        data=data_settings(
            {name: (values[name].value, values[name].origin) for name in DATA_NAMES if name in values}
        ),
        clusters=cluster_settings(
            {name: (values[name].value, values[name].origin) for name in CLUSTER_NAMES if name in values},
            EXECUTORS,
        ),
        runs=run_settings(
            lambda name, default, allowed: _number(values, name, default, allowed),
            lambda name: _text(values, name),
        ),
        messages=message_settings(
            lambda name: _text(values, name),
            lambda name, default, allowed: _number(values, name, default, allowed),
        ),
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Given:
    """A value, and the words that say where it was set."""

    value: Any
    origin: str
    folder: Path


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    names = [n for n in environ if n.startswith(_PREFIX) and not n.startswith(_FOR_TESTS)]
    names = [name for name in names if name not in _FOR_COMMANDS]
    known = [_PREFIX + name.upper() for name in NAMES]
    known += [f"{_PREFIX}{name.upper()}{_BEHIND}" for name in SECRETS]
    _refuse_unknown(names, known, "the environment")
    return {**_from_files(environ, names), **_from_variables(environ, names)}


def _from_files(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, _Given]:
    """Read the settings that are in files of their own, as secrets of containers are."""
    found = {}
    for name in names:
        if not name.endswith(_BEHIND) or not environ[name]:
            continue
        path, setting = Path(environ[name]), name.removesuffix(_BEHIND)
        if environ.get(setting):
            raise SettingError(f"Both {setting} and {name} are set. Take one of them away.")
        text = read_secret(path, f"{name} names {path}, which")
        found[setting.removeprefix(_PREFIX).lower()] = _Given(text, f"{path}, named by {name},", Path.cwd())
    return found


def _from_variables(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, _Given]:
    return {
        name.removeprefix(_PREFIX).lower(): _Given(environ[name], name, Path.cwd())
        for name in names
        if environ[name]
        and not name.endswith(_BEHIND)  # an empty variable is how shells and compose files say "not set"
    }


def _from_file(path: Path) -> dict[str, _Given]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"{path} cannot be read: {error}. Correct it, or take it away.") from error
    _refuse_unknown(table, NAMES, str(path))
    return {name: _Given(value, f"'{name}' in {path}", path.parent) for name, value in table.items()}


def _from_home(home: Path) -> dict[str, _Given]:
    found = _from_file(home / FILE_NAME)
    if "home" in found and home != Path.cwd():
        raise SettingError(
            f"{found['home'].origin} comes too late: that file is found through the home. "
            f"Set {_PREFIX}HOME instead."
        )
    return found


def _refuse_unknown(names: Iterable[str], known: Iterable[str], where: str) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            raise SettingError(
                f"Unknown setting {name} in {where}.{did_you_mean(name, known)} "
                f"The settings are {', '.join(known)}."
            )


def _text(values: Mapping[str, _Given], name: str) -> str | None:
    given = values.get(name)
    if given is None:
        return None
    if not isinstance(given.value, str) or not given.value:
        raise SettingError(f"{given.origin} must be a text, not {given.value!r}.")
    return given.value


def _number(values: Mapping[str, _Given], name: str, default: int, allowed: range) -> int:
    given = values.get(name)
    if given is None:
        return default
    try:
        number = int(str(given.value))
    except ValueError:
        number = -1
    if number not in allowed:
        raise SettingError(
            f"{given.origin} must be a number from {allowed[0]} to {allowed[-1]}, not {given.value!r}."
        )
    return number


def _auth(values: Mapping[str, _Given], host: str) -> str:
    auth = _text(values, "auth")
    if auth is None:
        return "single" if is_loopback(host) else "accounts"
    if auth not in ("single", "accounts"):
        raise SettingError(f"{values['auth'].origin} must be 'single' or 'accounts', not {auth!r}.")
    return auth


def _policies(values: Mapping[str, _Given]) -> tuple[Policy, ...]:
    """Return the policies of a file or a folder, which is found from the folder of what names it."""
    named = _text(values, "policies")
    if named is None:
        return ()
    # Most have none, and need not wait for what reads them.
    from headwater_catalog.platform_policies import read_platform_policies

    return read_platform_policies(values["policies"].folder / Path(named).expanduser())


def _openlineage(values: Mapping[str, _Given]) -> str:
    """Return where events go; a file is found from the folder of what names it."""
    target = _text(values, "openlineage") or ""
    if not target or urlsplit(target).scheme in ("http", "https"):
        return target
    if "://" in target:
        raise SettingError(
            f"{values['openlineage'].origin} must be a file, or an address that begins with http:// or https://."
        )
    return str(values["openlineage"].folder / target)


def _url(values: Mapping[str, _Given]) -> str:
    url = _text(values, "url") or ""
    if url and not _URL.fullmatch(url):
        raise SettingError(
            f"{values['url'].origin} must be an address like https://features.example.org, with nothing "
            f"after the host and its port, not {url!r:.200}."
        )
    return url.rstrip("/")


def _database_url(values: Mapping[str, _Given], home: Path) -> str:
    url = _text(values, "database_url")
    if url is None:
        return f"sqlite:///{home / 'headwater.db'}"
    if url.partition(":")[0] not in ("sqlite", "postgresql", "postgresql+psycopg", "postgres"):
        # The value may hold a password, so it is not repeated.
        raise SettingError(
            f"{values['database_url'].origin} must begin with sqlite:/// or postgresql://; "
            "Headwater keeps its catalog in one of these."
        )
    return url


def _chosen_home(*levels: Mapping[str, _Given]) -> Path:
    for values in levels:
        chosen = _text(values, "home")
        if chosen is not None:
            return values["home"].folder / Path(chosen).expanduser()
    return _home_here() or _user_data_folder() / "headwater"


def _home_here() -> Path | None:
    """Return the .headwater folder here, or in a folder above up to the top of the git checkout."""
    here = Path.cwd()
    above = [here, *here.parents]
    top = next((depth for depth, folder in enumerate(above) if (folder / ".git").exists()), 0)
    homes = (folder / ".headwater" for folder in above[: top + 1])
    return next((home for home in homes if home.is_dir()), None)


def _user_data_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
