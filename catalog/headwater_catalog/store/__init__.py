"""Where the catalog is kept: the tables, the database, and the search index."""
