"""Publishing: the marts of a lake, which Spark built as Delta tables, into a server that BI reads."""
