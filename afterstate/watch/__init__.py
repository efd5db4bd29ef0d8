"""`afterstate watch`: `arrivals` finds a folder's whole files, `watcher` lands them, `builds` runs dbt after them."""
