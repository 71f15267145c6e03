"""The reference model of page forking: the world, the rules by actor, the features, the properties."""
