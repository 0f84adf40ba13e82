from __future__ import annotations

from pathlib import Path

import pytest

from server.core.errors import SettingsError
from server.core.settings import SETTINGS, load_settings, misspelt

CONTRACT = """DATABASE_URL REDIS_URL DATA_DIR SECRET_KEY SECRET_KEY_FILE PUBLIC_URL LOG_LEVEL
LOG_FORMAT ALLOWED_PRIVATE_HOSTS ALLOWED_PORTS TRUSTED_PROXIES SQLITE_SYNC SMTP_URL METRICS_TOKEN
TICK_SECRET RETENTION_DAYS EXPLORER DEFAULT_MODEL DEMO""".split()


def test_every_name_of_the_contract_is_a_setting() -> None:
    assert {f"BALEYBOTS_{name}" for name in CONTRACT} <= {spec.name for spec in SETTINGS}


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path)
    assert settings.database_url == f"sqlite://{tmp_path}/baleybots.db"
    assert settings.sqlite_path == tmp_path / "baleybots.db"
    assert settings.redis_url is None
    assert settings.demo
    assert not settings.has_provider


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("DATABASE_URL", "oracle://x/y", "sqlite://, postgres:// or mysql://"),
        ("DATABASE_URL", "postgres://host", "name the database"),
        ("DATABASE_URL", "sqlite://", "name a file"),
        ("DATABASE_URL", "postgres://u:p@[::1/x", "postgres://"),
        ("REDIS_URL", "localhost", "redis://localhost:6379/0"),
        ("SECRET_KEY", "short", "at least 32"),
        ("PUBLIC_URL", "bots.example.org", "https://bots.example.org"),
        ("PUBLIC_URL", "https://a.org?x=1", "plain address"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("LOG_FORMAT", "xml", "auto, console or json"),
        ("ALLOWED_PRIVATE_HOSTS", "localhost", "host:port, host:* or CIDR:port"),
        ("ALLOWED_PRIVATE_HOSTS", "10.0.0.1/8:443", "10.0.0.0/8"),
        ("ALLOWED_PORTS", "8080,http", "1 to 65535"),
        ("TRUSTED_PROXIES", "proxy", "10.0.0.0/8"),
        ("SQLITE_SYNC", "off", "full or normal"),
        ("SMTP_URL", "mail", "smtp://"),
        ("METRICS_TOKEN", "abc", "at least 16"),
        ("TICK_SECRET", "a b" * 10, "without spaces"),
        ("RETENTION_DAYS", "-1", "0 to 36500"),
        ("RETENTION_DAYS", "9" * 5000, "0 to 36500"),
        ("EXPLORER", "maybe", "on or off"),
        ("DEMO", "2", "on or off"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, text: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({f"BALEYBOTS_{name}": text})
    message = str(caught.value)
    assert message.startswith(f"BALEYBOTS_{name}: ")
    assert allowed in message
    assert len(message) < 250


def test_values_are_read() -> None:
    settings = load_settings(
        {
            "BALEYBOTS_DATA_DIR": "~/bots",
            "BALEYBOTS_ALLOWED_PRIVATE_HOSTS": "LocalHost:11434, 10.0.0.0/8:*,[::1]:80",
            "BALEYBOTS_ALLOWED_PORTS": "8080, 8443",
            "BALEYBOTS_EXPLORER": "Off",
            "BALEYBOTS_RETENTION_DAYS": "30",
            "BALEYBOTS_PUBLIC_URL": "https://bots.example.org/",
            "BALEYBOTS_LOG_LEVEL": "",
        }
    )
    assert settings.data_dir == Path.home() / "bots"
    assert settings.allowed_private_hosts == ("localhost:11434", "10.0.0.0/8:*", "[::1]:80")
    assert settings.allowed_ports == (8080, 8443)
    assert (settings.explorer, settings.retention_days) == (False, 30)
    assert settings.public_url == "https://bots.example.org"
    assert settings.log_level == "info"


def test_a_provider_switches_the_demo_model_off_unless_it_is_wanted() -> None:
    keys = {"OPENAI_API_KEY": "sk-1"}
    assert not load_settings(keys).demo
    assert load_settings(keys | {"BALEYBOTS_DEMO": "on"}).demo
    assert load_settings({"OLLAMA_HOST": "localhost:11434"}).has_provider
    assert not load_settings({"TAVILY_API_KEY": "tvly-1"}).has_provider


def test_an_override_wins_over_the_environment(tmp_path: Path) -> None:
    environ = {"BALEYBOTS_DATA_DIR": "/nowhere"}
    assert load_settings(environ, data_dir=tmp_path).data_dir == tmp_path
    assert load_settings(environ, data_dir=None).data_dir == Path("/nowhere")
    with pytest.raises(TypeError):
        load_settings({}, data_folder="x")


def test_no_secret_is_shown() -> None:  # S69
    settings = load_settings(
        {
            "BALEYBOTS_DATABASE_URL": "postgres://bots:pg%2Fsecret@db/bots",
            "BALEYBOTS_REDIS_URL": "redis://:redis-secret@r/0",
            "BALEYBOTS_SMTP_URL": "smtp://me:mail-secret@m:25",
            "BALEYBOTS_SECRET_KEY": "key-secret" * 4,
            "BALEYBOTS_METRICS_TOKEN": "metrics-secret-1234",
            "BALEYBOTS_TICK_SECRET": "tick-secret-1234567",
            "OPENAI_API_KEY": "openai-secret",
            "OPENAI_BASE_URL": "http://me:base-secret@localhost/v1",
        }
    )
    shown = f"{settings!r} {settings} {settings.shown()}"
    assert "secret" not in shown.replace("secret_key", "").replace("tick_secret", "")
    assert "@db/bots" in shown
    assert {"pg%2Fsecret", "pg/secret", "redis-secret", "openai-secret"} <= set(
        settings.secret_values()
    )


def test_two_secret_keys_are_one_too_many() -> None:
    both = {"BALEYBOTS_SECRET_KEY": "k" * 32, "BALEYBOTS_SECRET_KEY_FILE": "/run/key"}
    with pytest.raises(SettingsError, match="not both"):
        load_settings(both)


def test_misspelt_names_are_found() -> None:
    environ = {"BALEYBOTS_REDISURL": "x", "BALEYBOTS_URL": "x", "BALEYBOTS_DEMO": "on", "PATH": ""}
    assert misspelt(environ) == (
        "No setting is called BALEYBOTS_REDISURL (did you mean BALEYBOTS_REDIS_URL?). "
        "docs/settings.md has all of them."
    )
    assert misspelt({"BALEYBOTS_DEMO": "on"}) is None
    assert "BALEYBOTS_XYZ." in str(misspelt({"BALEYBOTS_XYZ": "far from any"}))


def test_every_setting_says_what_it_is_for() -> None:
    for spec in SETTINGS:
        assert spec.description.endswith(".")
        assert spec.allowed
        assert spec.default


@pytest.mark.parametrize(
    "url", ["unix:///run/redis.sock?db=1&password=hush%20hush", "redis://db/0?password=hush%20hush"]
)
def test_a_password_behind_the_address_is_not_shown_either(url: str) -> None:
    settings = load_settings({"BALEYBOTS_REDIS_URL": url})
    assert settings.redis_url == url
    assert "hush" not in str(settings.shown())
    assert set(settings.secret_values()) >= {"hush%20hush", "hush hush"}
