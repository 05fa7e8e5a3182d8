"""Record: the durable layer that owns the tlog and the content of every event."""
