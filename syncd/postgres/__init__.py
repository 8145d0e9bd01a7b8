"""All that speaks SQL: connections, the ledger (schema `syncd`) and the warehouse (the user's tables)."""
