"""Store: what follows from the record and can be rebuilt from it."""
