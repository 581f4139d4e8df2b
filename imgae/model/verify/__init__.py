"""Checks that a model file does what its card says."""
