"""Documents -> token store, on all local cores or on Apache Beam, from wherever it was stopped."""
