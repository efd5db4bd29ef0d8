"""Why the lake's tables are Delta's and not Iceberg's; `script/benchmark-formats` runs it."""
