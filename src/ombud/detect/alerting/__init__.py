"""The record in, changes of alerts out."""
