"""Web: the HTTP API; statuses are chosen here and nowhere else."""
