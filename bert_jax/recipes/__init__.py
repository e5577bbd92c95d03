"""The recipes: an experiment's configs are built here, and then trained.

This package and the command line are the only places that know gin, and of these only
`bindings.py` registers anything with it. An experiment is a `.gin` file; `experiment.py` turns one
into a frozen `Experiment`, so that nothing past this point knows where a value came from.
"""
