"""Training: everything that needs torch. Inference never imports this package."""
