"""Versions of the control tables, oldest first."""
