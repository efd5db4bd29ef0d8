"""`afterstate explain`: why a value is what it is, down to the lines of the files (docs/explain.md)."""
