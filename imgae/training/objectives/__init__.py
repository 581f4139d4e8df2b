"""What a training step minimises, one objective a module."""
