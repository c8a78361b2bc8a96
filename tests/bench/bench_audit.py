"""How good corrected scores are: run it as a script, `python tests/bench/bench_audit.py`.

In worlds where the truth is known, a teacher errs, a candidate copies some of its errors, and one
person judges a sample. Where ppi-python is installed, the table compares the interval in use with
those of it on the same judgements: their point estimates are the same, which is checked, but not
their widths. (It is no dependency of the tests: it installs a package that is called `tests`.)
"""

import random
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean

import numpy as np

from flywheel.evaluation.audit import Judged
from flywheel.evaluation.intervals import wilson
from flywheel.evaluation.sampling import Answered

# As a script it is outside of the package `tests`.
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from judging import World, audited

REPETITIONS = 300
LOWEST, HIGHEST_MEAN, MAX_BIAS = 0.91, 0.98, 0.012
WORLDS = [(0.05, 0.0, 0.9), (0.1, 0.3, 0.85), (0.1, 0.6, 0.9), (0.07, 0.15, 0.8), (0.08, 0.9, 0.93)]
SIZES = [(200, 40), (400, 20), (400, 40), (400, 100), (1000, 40), (1000, 100), (2000, 200)]
WITH_PPI = find_spec("ppi_py") is not None
METHODS = ("candidate", "teacher", "raw", *(("ppi λ=1", "ppi tuned") if WITH_PPI else ()))


def by_ppi(answers: list[Answered], judged: list[Judged]) -> dict[str, tuple[float, float, float]]:
    """The candidate's accuracy by ppi-python: point, low and high, by way of tuning."""
    from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

    sampled = {
        stratum: sum(j.stratum == stratum for j in judged)
        for stratum in {j.stratum for j in judged}
    }
    weights = np.array([j.stratum_size / sampled[j.stratum] for j in judged])
    right = np.array([float(j.judgement in {"candidate", "both"}) for j in judged])
    agree = np.array([float(answers[j.row].agree) for j in judged])
    everywhere = np.array([float(a.agree) for a in answers])
    found = {}
    for name, lam in (("ppi λ=1", 1), ("ppi tuned", None)):
        point = ppi_mean_pointestimate(right, agree, everywhere, lam=lam, w=weights)
        low, high = ppi_mean_ci(right, agree, everywhere, alpha=0.05, lam=lam, w=weights)
        found[name] = (float(np.squeeze(point)), float(low[0]), float(high[0]))
    return found


def measure(world: World, records: int, n: int) -> dict[str, tuple[float, float, float]]:
    """Bias, coverage and mean width of each method."""
    rng = random.Random(f"{records}/{n}")
    found: dict[str, list[tuple[float, bool, float]]] = {method: [] for method in METHODS}
    for repetition in range(REPETITIONS):
        answers, judgements = world.evaluate(records, rng)
        judged, corrected = audited(answers, judgements, n, str(repetition))
        assert corrected.candidate is not None
        assert corrected.teacher is not None
        raw = wilson(round(corrected.raw * records), records, 0.95)
        bounds = {
            name: (one.value, one.low, one.high)
            for name, one in (
                ("candidate", corrected.candidate),
                ("teacher", corrected.teacher),
                ("raw", raw),
            )
        }
        if WITH_PPI:
            bounds |= by_ppi(answers, judged)
        for name in METHODS[3:]:
            assert abs(bounds[name][0] - corrected.candidate.value) < 1e-9, "not the PPI estimate"
        for name, (value, low, high) in bounds.items():
            truth = world.teacher if name == "teacher" else world.candidate
            found[name].append((value - truth, low <= truth <= high, high - low))
    return {
        name: tuple(fmean(column) for column in zip(*results, strict=True))  # type: ignore[misc]
        for name, results in found.items()
    }


def main() -> int:
    """Print the table; 1 where the intervals in use are not what the docs promise."""
    warnings.simplefilter("ignore")
    if not WITH_PPI:
        print("ppi-python is not installed: nothing is compared with it")
    print(f"{REPETITIONS} repetitions each: bias / coverage of the 95 % interval / mean width")
    print("wrong copied right  records judged  " + "".join(f"{m:>22}" for m in METHODS))
    good, coverages = True, []
    for shape in WORLDS:
        for records, n in SIZES:
            found = measure(World(*shape), records, n)
            cells = "".join(f"{b:>+9.3f} {c:.3f} {w:.3f}" + " " for b, c, w in found.values())
            print(f"{shape[0]:5} {shape[1]:6} {shape[2]:5} {records:8} {n:6}   {cells}", flush=True)
            for name in ("candidate", "teacher"):
                bias, coverage, _ = found[name]
                good &= coverage >= LOWEST and abs(bias) <= MAX_BIAS
                coverages.append(coverage)
    print(f"mean coverage of the intervals in use {fmean(coverages):.3f}")
    good &= fmean(coverages) <= HIGHEST_MEAN
    print("as promised" if good else "NOT as promised")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
