"""Correlation: Sigma correlation rules, evaluated over matches in the order of the record."""
