"""The catalog of one commit as a folder of pages that need no server."""
