"""The private server: a MariaDB or MySQL of this checkout's own, on loopback only (design section 1).

`programs` finds or installs the server's program, `config` writes its settings, `private` starts and stops it.
"""
