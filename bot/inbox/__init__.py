"""Deliveries from Slack: acknowledged at once, kept in the database, acted on once."""
