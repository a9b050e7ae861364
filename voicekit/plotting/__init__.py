"""Pictures of results, for terminals and notebooks. Matplotlib is loaded when the first one is drawn."""
