"""Collect: logs of real systems in, events out; raw kept, nothing dropped."""
