"""How fast files land, beside other ways of loading them: `python -m benchmarks.landing --help`."""
