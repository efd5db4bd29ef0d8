"""What a warehouse needs to stand: settings and profile, connections, accounts and rights, dbt, locks, the doctor.

`up` brings one up; `layout` says where each layer is; `requirements` what a server must have.
"""
