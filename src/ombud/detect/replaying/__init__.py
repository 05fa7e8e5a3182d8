"""Rules over what is stored: narrowed by columns, found exactly."""
