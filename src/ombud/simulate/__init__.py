"""Simulate: a fictional county whose systems write real log lines, with known misuse in them."""

from ombud.simulate.county import Simulation, live, mapping_path, simulate, write_county

__all__ = ["Simulation", "live", "mapping_path", "simulate", "write_county"]
