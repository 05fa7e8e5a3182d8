"""Ombud: oversight for sensitive data."""

__version__ = "0.1.0"
