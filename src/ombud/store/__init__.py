"""Store: what is derived from the record and can be rebuilt from it: index, alerts, control."""
