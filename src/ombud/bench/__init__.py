"""Bench: what Ombud costs: CPU per event, events a second, latency, bytes and memory."""
