"""The views of the weight decay screen, a file each, and their controls."""
