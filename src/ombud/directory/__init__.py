"""Directory: people, their accounts, units and supervisors, each valid for a time."""
