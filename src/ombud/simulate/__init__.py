"""Simulate: a fictional county whose systems write real log lines, with known misuse in them."""

from ombud.simulate.county import Simulation, simulate

__all__ = ["Simulation", "simulate"]
