"""The command line `afterstate` (design section 2): `main` is the entry point, beside a module for each group."""
