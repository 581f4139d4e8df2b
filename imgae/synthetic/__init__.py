"""Pictures and masks that are drawn or simulated, for training and benchmarks."""
