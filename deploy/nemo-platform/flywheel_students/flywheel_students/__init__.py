"""Flywheel's CPU students as a customization backend of NeMo Platform."""
