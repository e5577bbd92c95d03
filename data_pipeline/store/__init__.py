"""The token store on disk: read, written, and where each of its documents came from."""
