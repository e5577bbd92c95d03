"""The plan of an epoch: which tokens make which example, and which examples share a row."""
