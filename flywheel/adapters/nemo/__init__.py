"""NeMo Microservices 25.x, the API of NVIDIA's Data Flywheel Blueprint. Light to import."""

from flywheel.adapters.nemo.platform import NemoPlatform

__all__ = ["NemoPlatform"]
