"""Files and rows into MySQL or MariaDB, and the command line `afterstate`.

Data flow: `landing` reads producers' files into typed tables of the landing schema; dbt (models/) does the rest in
SQL; `export` writes what the models say back to files. `server` and `warehouse` give both a place to work in.
"""

__version__ = "0.1.0"
