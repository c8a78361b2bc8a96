"""Pure functions from views of the service to Slack messages and modals."""
