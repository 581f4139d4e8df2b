"""Measurements of models beside baselines."""
