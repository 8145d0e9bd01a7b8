"""Wires the parts together; the only package that names `syncd.zoho` and `syncd.postgres`. Decides nothing itself.

`database` opens a ledger, `fleet` the orgs of a configuration, `daemon` the long-running service around them.
"""
