"""What syncd shows over HTTP: status page, health and metrics for machines; and the listener for Zoho's callbacks."""
