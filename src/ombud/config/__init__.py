"""Config: the one settings file of a home."""
