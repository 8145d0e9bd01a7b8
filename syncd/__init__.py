"""syncd keeps a PostgreSQL database in step with Zoho CRM."""
