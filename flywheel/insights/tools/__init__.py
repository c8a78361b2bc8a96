"""What a language model may look up: typed, read-only, with the rights of who asks."""

from flywheel.insights.tools.catalogue import TOOLS
from flywheel.insights.tools.toolbox import Tool, Toolbox, ToolError

__all__ = ["TOOLS", "Tool", "ToolError", "Toolbox"]
