"""From which size on Spark builds faster than one server; `script/benchmark-spark` runs it."""
