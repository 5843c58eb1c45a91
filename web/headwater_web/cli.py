"""The command line `headwater`: the catalog's commands, and the ones that serve."""

from __future__ import annotations

from headwater_catalog.cli import LazyCommand, command_line

__all__ = ["main"]

main = command_line(
    {
        "serve": LazyCommand("headwater_web.commands:serve", "Serve the catalog to browsers."),
        "export": LazyCommand(
            "headwater_web.site.command:export", "Write a commit as pages, or as a SQLite file.", asks=True
        ),
        "demo serve": LazyCommand("headwater_web.commands:demo_serve", "Make the demo catalog and serve it."),
    }
)

if __name__ == "__main__":
    main()
