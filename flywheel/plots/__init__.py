"""Pictures of a run: pure functions from its view to figures, and from figures to files."""
