"""The `syncd` command: one file per verb. Turns arguments into calls and results into text, and decides nothing itself.

Data goes to stdout, progress and troubles to stderr. Every file imports what costs time inside its command, so that
`syncd --help` loads no database driver, no HTTP client and no settings.
"""
