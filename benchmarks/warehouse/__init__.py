"""How fast marts are built beside other ways of making the same tables; `script/benchmark-warehouse` runs it."""
