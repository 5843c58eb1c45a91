"""The demo catalog as `headwater demo serve` makes it, for tests of pages."""

from pathlib import Path

from headwater_catalog.settings import Settings
from headwater_web.demo import prepare_demo


def settings_in(home: Path, database_url: str | None = None) -> Settings:
    """Return settings for a catalog in a folder."""
    home.mkdir(parents=True, exist_ok=True)
    return Settings(
        home=home,
        database_url=database_url or f"sqlite:///{home / 'headwater.db'}",
        secret_key="a key that is secret in no way",
    )


def make_demo_catalog(home: Path, database_url: str | None = None) -> Settings:
    """Build the demo repository, scan it and execute its dataset."""
    settings = settings_in(home, database_url)
    prepare_demo(settings)
    return settings
