"""The Slack conversation: listeners call flywheel services, views draw what they return."""
