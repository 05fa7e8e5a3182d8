"""Tlog: the Merkle tree, its tiles, its proofs and its signed heads; pure."""
