"""Measured speed: each module times one part and returns rows for `bert-jax benchmark`."""
