"""The small cases that the theory of autoencoders is about: trained, measured and drawn."""
