"""The views of the optimizers screen, one file for each."""
