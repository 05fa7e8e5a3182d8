"""Store: what is derived from the record for asking, and can be rebuilt from it."""
