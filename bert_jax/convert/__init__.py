"""Weights of other libraries: their files, and their names for what a BERT is made of."""
