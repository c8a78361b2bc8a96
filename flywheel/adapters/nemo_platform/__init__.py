"""NeMo Platform 0.6: training, evaluation and the inference gateway over its HTTP API."""

from flywheel.adapters.nemo_platform.platform import NemoPlatform

__all__ = ["NemoPlatform"]
