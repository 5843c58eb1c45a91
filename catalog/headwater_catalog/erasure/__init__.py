"""Erasure: what holds something made from a column, the erasing of it, and the record of that."""
