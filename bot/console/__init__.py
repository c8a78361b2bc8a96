"""The console: a Slack workspace in memory, drawn in the terminal, in front of the same app."""
