"""`afterstate report`: one HTML page with everything to look at (docs/report.md)."""
