"""Values that pass between the layers: frozen, plain Python."""
