"""Small real students, trained and asked on this machine's CPU."""

from flywheel.adapters.local_platform.platform import LocalPlatform

__all__ = ["LocalPlatform"]
