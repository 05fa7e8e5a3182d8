"""Query: the language in which the record is searched, its tree and its SQL."""
