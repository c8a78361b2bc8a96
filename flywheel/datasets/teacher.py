"""What the log says of the teacher: which model, how many tokens, how long. Pure."""

from array import array
from collections import Counter

import numpy as np

from flywheel.datasets.report import TeacherUsage
from flywheel.records import Record


class TeacherTally:
    """Means over the records that say something; None where none does."""

    def __init__(self) -> None:
        self._models: Counter[str] = Counter()
        self._input, self._output, self._seconds = array("d"), array("d"), array("d")

    def add(self, record: Record) -> None:
        """Count one record."""
        response = record.response
        self._models[response.model or record.request.model or "unnamed"] += 1
        if usage := response.usage:
            if usage.prompt_tokens is not None:
                self._input.append(usage.prompt_tokens)
            if usage.completion_tokens is not None:
                self._output.append(usage.completion_tokens)
        if record.latency_seconds is not None:
            self._seconds.append(record.latency_seconds)

    def usage(self) -> TeacherUsage:
        """The means, and the most frequent model."""
        models = self._models.most_common(1)
        return TeacherUsage(
            model_name=models[0][0] if models else "unnamed",
            input_tokens=_mean(self._input),
            output_tokens=_mean(self._output),
            seconds=_mean(self._seconds),
        )


def _mean(values: "array[float]") -> float | None:
    return float(np.mean(values)) if values else None
