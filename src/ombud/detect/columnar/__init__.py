"""Columnar: many events put to many rules at once, a column of cells at a time."""
