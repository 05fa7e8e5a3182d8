"""Core: the event, its canonical form, its commitment, and the errors."""
