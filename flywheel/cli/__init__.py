"""The command line: thin skins over the services."""
