"""Publishing: the marts of a lake, which Spark built as Delta tables, into a server that BI reads."""

import loaders.lake  # noqa: F401 (says so where the package that reads lakes is not installed)
