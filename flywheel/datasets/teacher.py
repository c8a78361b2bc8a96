"""What the log says of the teacher: which model, how many tokens, how long. Pure."""

from collections import Counter

from flywheel.datasets.report import TeacherUsage
from flywheel.records import Record


class _Mean:
    def __init__(self) -> None:
        self.total = 0.0
        self.n = 0

    def add(self, value: float | None) -> None:
        if value is not None:
            self.total += value
            self.n += 1

    @property
    def value(self) -> float | None:
        return self.total / self.n if self.n else None


class TeacherTally:
    """Means over the records that say something; None where none does."""

    def __init__(self) -> None:
        self._models: Counter[str] = Counter()
        self._input, self._output, self._seconds = _Mean(), _Mean(), _Mean()

    def add(self, record: Record) -> None:
        """Count one record."""
        self._models[record.response.model or record.request.model or ""] += 1
        usage = record.response.usage
        if usage is not None:
            self._input.add(usage.prompt_tokens)
            self._output.add(usage.completion_tokens)
        self._seconds.add(record.latency_seconds)

    def usage(self) -> TeacherUsage:
        """The means, and the most frequent model."""
        models = self._models.most_common(1)
        return TeacherUsage(
            model_name=models[0][0] or "unnamed" if models else "unnamed",
            input_tokens=self._input.value,
            output_tokens=self._output.value,
            seconds=self._seconds.value,
        )
