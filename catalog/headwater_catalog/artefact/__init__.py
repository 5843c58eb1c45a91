"""The catalog of one commit as a file: written as SQLite, read back, and put in its place whole."""
