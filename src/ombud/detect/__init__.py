"""Detect: Sigma rules over events; pure, so the same record gives the same alerts."""
