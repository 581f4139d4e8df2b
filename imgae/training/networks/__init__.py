"""The networks, one family a module, and the parts that they share."""
