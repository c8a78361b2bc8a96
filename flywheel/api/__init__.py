"""The HTTP API: the blueprint's jobs, and ours under /api/v1. Thin, over flywheel.service."""
