"""The views of the dropout screen, one file for each."""
