import stat
from pathlib import Path

import pytest

from headwater_catalog.accounts import Role
from headwater_catalog.errors import SettingError
from headwater_catalog.oidc_settings import ROLES
from headwater_catalog.run_settings import RUN_NAMES
from headwater_catalog.settings import NAMES, is_loopback, load_settings


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_without_any_setting_the_server_is_for_one_user_of_this_machine(tmp_path):
    settings = load_settings({}, home=tmp_path / "home")

    assert (settings.host, settings.port, settings.auth) == ("127.0.0.1", 8000, "single")
    assert settings.database_url == f"sqlite:///{tmp_path / 'home' / 'headwater.db'}"


def test_an_unknown_variable_is_an_error_that_names_the_nearest():
    with pytest.raises(SettingError, match=r"HEADWATER_PROT.*Did you mean 'HEADWATER_PORT'"):
        load_settings({"HEADWATER_PROT": "1"})


def test_an_unknown_key_in_the_file_is_an_error_that_names_file_and_nearest():
    Path("headwater-server.toml").write_text("hots = 'a'\n")

    with pytest.raises(SettingError, match=r"hots in .*headwater-server.toml.*Did you mean 'host'"):
        load_settings({})


def test_variables_for_commands_that_ask_elsewhere_are_no_settings(tmp_path):
    load_settings({"HEADWATER_REMOTE": "x", "HEADWATER_TOKEN": "x", "HEADWATER_HOME": str(tmp_path)})


def test_variables_for_tests_are_no_settings(tmp_path):
    load_settings({"HEADWATER_TEST_PG_URL": "x", "HEADWATER_HOME": str(tmp_path)})


def test_an_empty_variable_is_not_set(tmp_path):
    assert load_settings({"HEADWATER_PORT": ""}, home=tmp_path).port == 8000


def test_the_environment_wins_over_the_file_here_and_that_over_the_file_in_the_home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "headwater-server.toml").write_text("host = '10.0.0.1'\nport = 1\nsecret_key = 'k'\n")
    Path("headwater-server.toml").write_text("host = '10.0.0.2'\nport = 2\n")

    settings = load_settings({"HEADWATER_PORT": "3"}, home=home)

    assert (settings.host, settings.port, settings.secret_key) == ("10.0.0.2", 3, "k")


def test_a_home_in_the_file_here_is_taken_from_the_folder_of_the_file(tmp_path):
    Path("headwater-server.toml").write_text("home = 'catalog'\n")

    assert load_settings({}).home == tmp_path / "here" / "catalog"


def test_a_home_in_the_file_of_the_home_is_an_error(tmp_path):
    (tmp_path / "headwater-server.toml").write_text("home = 'elsewhere'\n")

    with pytest.raises(SettingError, match="HEADWATER_HOME"):
        load_settings({}, home=tmp_path)


def test_beyond_loopback_accounts_are_the_default(tmp_path):
    assert load_settings({"HEADWATER_HOST": "0.0.0.0"}, home=tmp_path).auth == "accounts"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("AUTH", "none"),
        ("DATABASE_URL", "mysql://secret@host/db"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error_that_names_the_setting(name, value, tmp_path):
    with pytest.raises(SettingError, match=f"HEADWATER_{name}") as raised:
        load_settings({f"HEADWATER_{name}": value}, home=tmp_path)

    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_toml_is_an_error_that_names_it():
    Path("headwater-server.toml").write_text("port = \n")

    with pytest.raises(SettingError, match=r"headwater-server.toml cannot be read"):
        load_settings({})


def test_the_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path):
    first = load_settings({}, home=tmp_path / "home")
    second = load_settings({}, home=tmp_path / "home")

    assert not (tmp_path / "home").exists()
    assert first.signing_key() == second.signing_key()
    assert len(first.signing_key()) >= 32
    assert stat.S_IMODE((tmp_path / "home" / "secret-key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret-key"]


def test_the_key_itself_is_not_made_where_one_is_set(tmp_path):
    settings = load_settings({"HEADWATER_SECRET_KEY": "mine"}, home=tmp_path / "home")

    assert settings.signing_key() == "mine"
    assert not (tmp_path / "home").exists()


def test_the_home_is_the_headwater_folder_of_the_checkout_around(tmp_path, monkeypatch):
    top = tmp_path / "here"
    (top / ".git").mkdir()
    (top / ".headwater").mkdir()
    (top / "features" / "deep").mkdir(parents=True)
    monkeypatch.chdir(top / "features" / "deep")

    assert load_settings({}).home == top / ".headwater"


def test_a_headwater_folder_above_is_not_taken_outside_of_a_checkout(tmp_path, monkeypatch):
    (tmp_path / "here" / ".headwater").mkdir()
    (tmp_path / "here" / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "here" / "inner")

    assert load_settings({}).home != tmp_path / "here" / ".headwater"


_OIDC = {"HEADWATER_OIDC_ISSUER": "https://login.example.org", "HEADWATER_OIDC_CLIENT_ID": "headwater"}


def test_single_sign_on_is_set_with_roles_for_groups():
    roles = "headwater admins:administrator, data:viewer"
    oidc = load_settings({**_OIDC, "HEADWATER_OIDC_ROLES": roles, "HEADWATER_OIDC_REQUIRED": "org=shop"}).oidc

    assert load_settings({}).oidc is None
    assert oidc.roles == {"headwater admins": "administrator", "data": "viewer"}
    assert (oidc.required, oidc.groups, oidc.client_secret) == (("org", "shop"), "groups", "")
    assert tuple(role.label for role in Role) == ROLES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", "http://login.example.org"),
        ("ISSUER", "https://maya:secret@login.example.org"),
        ("ISSUER", "login.example.org"),
        ("ISSUER", "https://login.example.org:x"),
        ("CLIENT_ID", ""),
        ("ISSUER", ""),
        ("REQUIRED", "groups"),
        ("ROLES", "data:owner"),
        ("ROLES", "viewer"),
    ],
)
def test_single_sign_on_that_would_not_work_or_not_be_safe_is_refused(name, value):
    with pytest.raises(SettingError, match="oidc_"):
        load_settings({**_OIDC, f"HEADWATER_OIDC_{name}": value})


_SMTP = {"HEADWATER_SMTP_HOST": "mail.example.org", "HEADWATER_SMTP_FROM": "catalog@example.org"}


def test_mails_and_webhooks_are_set(tmp_path):
    (tmp_path / "password").write_text("seven kettles\n")
    given = {"HEADWATER_SMTP_USER": "catalog", "HEADWATER_SMTP_PASSWORD_FILE": str(tmp_path / "password")}
    hosts = {"HEADWATER_WEBHOOK_HOSTS": "Hooks.internal, 10.1.0.0/16,::1"}
    messages = load_settings({**_SMTP, **given, **hosts}).messages

    assert (messages.smtp_port, messages.smtp_security) == (587, "starttls")
    assert messages.smtp_password == "seven kettles"
    assert messages.webhook_hosts == ("hooks.internal", "10.1.0.0/16", "::1")
    assert load_settings({**_SMTP, "HEADWATER_SMTP_SECURITY": "tls"}).messages.smtp_port == 465
    assert load_settings({}).messages.smtp_host == ""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"HEADWATER_SMTP_HOST": ""}, "smtp_from does nothing without smtp_host"),
        ({"HEADWATER_SMTP_FROM": ""}, "smtp_host needs smtp_from"),
        ({"HEADWATER_SMTP_FROM": "Ada <ada@example.org>"}, "smtp_host needs smtp_from"),
        ({"HEADWATER_SMTP_SECURITY": "ssl"}, "smtp_security must be"),
        ({"HEADWATER_SMTP_PASSWORD": "x"}, "smtp_password needs smtp_user"),
        (
            {"HEADWATER_SMTP_PASSWORD": "x", "HEADWATER_SMTP_USER": "x", "HEADWATER_SMTP_SECURITY": "none"},
            "for everybody to read",
        ),
        ({"HEADWATER_WEBHOOK_HOSTS": "http://hooks.internal"}, "webhook_hosts must be hosts"),
        ({"HEADWATER_WEBHOOK_HOSTS": "10.1.2.3/16"}, "webhook_hosts must be hosts"),
    ],
)
def test_mails_and_webhooks_that_would_not_work_or_not_be_safe_are_refused(given, told):
    with pytest.raises(SettingError, match=told):
        load_settings({**_SMTP, **given})


def test_each_setting_of_the_file_is_one_of_the_environment(tmp_path):
    values = {"home": str(tmp_path), "port": "1", "auth": "single", "database_url": "sqlite:///x.db"}
    values |= {
        "url": "https://x.example",
        "proxies": "1",
        "values_limit": "1",
        "inputs_limit": "1",
        "environments_limit": "1",
        "jobs_per_repository": "3",
    }
    values |= {"upload_megabytes": "1", "locations": "s3://x/", "connections": "x=sqlite://"}
    values |= {"clusters": "x=ray://x:1", "cluster_tokens": "x=y"}
    (tmp_path / "x.toml").write_text('[x]\nquery = "a"\n')
    values |= {"policies": str(tmp_path / "x.toml")}
    values |= {"oidc_issuer": "https://x.example", "oidc_required": "x=y", "oidc_roles": "x:viewer"}
    values |= {"smtp_port": "25", "smtp_from": "x@x.example", "smtp_security": "tls"}
    values |= dict.fromkeys(RUN_NAMES, "600") | {"run_users": "7-8", "run_environments": "build"}
    environ = {f"HEADWATER_{name.upper()}": values.get(name, "x") for name in NAMES}

    settings = load_settings(environ)

    assert settings.home == tmp_path
    assert settings.database_url == "sqlite:///x.db"


def test_the_address_for_readers_tells_host_and_encryption():
    settings = load_settings({"HEADWATER_URL": "https://features.example.org:8443/"})

    assert (settings.url, settings.site) == ("https://features.example.org:8443", "features.example.org")
    assert settings.is_encrypted


@pytest.mark.parametrize(
    "url", ["features.example.org", "ftp://x.example", "https://x.example/path", "https://u:p@x.example"]
)
def test_an_address_for_readers_that_is_none_is_refused(url):
    with pytest.raises(SettingError, match="HEADWATER_URL must be an address"):
        load_settings({"HEADWATER_URL": url})


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.com", False)],
)
def test_loopback_addresses_are_known(host, expected):
    assert is_loopback(host) is expected


def test_the_room_for_values_is_given_in_gigabytes():
    assert load_settings({}).values_limit == load_settings({}).inputs_limit == 10 * 10**9
    assert load_settings({"HEADWATER_ENVIRONMENTS_LIMIT": "2"}).environments_limit == 2 * 10**9
    assert load_settings({"HEADWATER_VALUES_LIMIT": "0"}).values_limit == 0
    assert load_settings({"HEADWATER_INPUTS_LIMIT": "3"}).inputs_limit == 3 * 10**9
    for name in ("VALUES_LIMIT", "INPUTS_LIMIT", "ENVIRONMENTS_LIMIT"):
        with pytest.raises(SettingError, match=name):
            load_settings({f"HEADWATER_{name}": "-1"})


def test_the_limits_of_runs_are_set_and_documented(tmp_path):
    given = {"SECONDS": "60", "MEMORY_MB": "1024", "PROCESSES": "32", "FILE_MB": "5", "DISK_MB": "7"}
    given |= {"USERS": "70000-70009", "ENVIRONMENTS": "never"}
    runs = load_settings(
        {f"HEADWATER_RUN_{name}": value for name, value in given.items()}, home=tmp_path
    ).runs
    mega = 1024 * 1024

    assert (runs.limits.wall_seconds, runs.limits.cpu_seconds, runs.limits.processes) == (60, 60, 32)
    assert (runs.limits.memory, runs.limits.file_size, runs.limits.disk) == (1024 * mega, 5 * mega, 7 * mega)
    assert (runs.users, runs.environments) == (range(70000, 70010), False)
    manual = (Path(__file__).parents[2] / "docs" / "isolation.md").read_text()
    assert all(f"| `{name}` |" in manual for name in RUN_NAMES)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SECONDS", "0"), ("MEMORY_MB", "1"), ("PROCESSES", "many"), ("FILE_MB", "-1")]
    + [("USERS", value) for value in ("0-10", "20-10", "5", "a-b", "1-99999999999")]
    + [("ENVIRONMENTS", "yes")],
)
def test_limits_of_runs_that_cannot_be_are_errors(tmp_path, name, value):
    with pytest.raises(SettingError, match=f"(?i)run_{name}"):
        load_settings({f"HEADWATER_RUN_{name}": value}, home=tmp_path)


def test_what_somebody_waits_for_has_less_than_runs_and_never_more():
    usual = load_settings({}).runs
    small = load_settings({"HEADWATER_RUN_SECONDS": "9", "HEADWATER_RUN_MEMORY_MB": "512"}).runs

    assert (usual.while_asked.limits.wall_seconds, usual.while_asked.limits.cpu_seconds) == (60, 60)
    assert usual.while_asked.limits.memory == 1024**3
    assert small.while_asked == small


def test_policies_of_the_platform_are_read_at_the_start_and_must_be_right(tmp_path):
    place = tmp_path / "policies"
    place.mkdir()
    (place / "all.toml").write_text('[owned]\nquery = "-has:owner"\n')
    environ = {"HEADWATER_HOME": str(tmp_path), "HEADWATER_POLICIES": str(place)}
    assert [policy.name for policy in load_settings(environ).policies] == ["owned"]
    (place / "more.toml").write_text('[documented]\nqery = "-has:doc"\n')
    with pytest.raises(SettingError, match=r"line 2: .*qery"):
        load_settings(environ)
    with pytest.raises(SettingError, match="cannot be read"):
        load_settings({**environ, "HEADWATER_POLICIES": str(tmp_path / "nowhere.toml")})
