"""The configuration: its typed tree, where it is looked for, how it is read and checked, and its annotated sample.

Nothing here logs, opens a connection or knows whether Zoho or PostgreSQL agree; `syncd check` asks those.
"""
