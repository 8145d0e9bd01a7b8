"""All that speaks HTTP to Zoho, and the archives that come of it: the adapters behind `syncd.sync.ports`.

Nothing is imported here, so that `syncd.zoho.redaction` and `syncd.zoho.callbacks` cost no HTTP library.
"""
