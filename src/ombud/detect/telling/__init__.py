"""Why a rule did or did not match, told to people."""
