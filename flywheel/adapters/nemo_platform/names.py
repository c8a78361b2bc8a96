"""Names on NeMo Platform, derived from ours: the same thing always has the same one. Pure."""

import re
from hashlib import blake2b

# Lower-case letters, digits and -@.+_; a letter first, no "--", no "-" at the end, 63 at most: the
# platform itself puts `job-fileset-` before the names of jobs.
LONGEST = 50
_OURS = re.compile(r"fw-[0-9a-f]{12}(?=-)")
_UNFIT = re.compile(r"[^a-z0-9]+")


def external(*parts: str) -> str:
    """One valid name out of the parts.

    Where something had to be left out, a hash of all of it keeps different names different.
    """
    whole = "-".join(part for part in parts if part)
    name = _UNFIT.sub("-", whole.lower()).strip("-")
    if name == whole and len(name) <= LONGEST:
        return name
    mark = blake2b(whole.encode(), digest_size=4).hexdigest()
    return f"{name[: LONGEST - 9].rstrip('-')}-{mark}"


def train_fileset(run_uid: str) -> str:
    """With `train.jsonl`."""
    return external(run_uid, "train")


def val_fileset(run_uid: str) -> str:
    """With `validation.jsonl`."""
    return external(run_uid, "val")


def eval_fileset(run_uid: str) -> str:
    """With `eval.jsonl`."""
    return external(run_uid, "eval")


def model_fileset(run_uid: str, candidate: str, trial: int = 0) -> str:
    """With the files of what was trained; every trial of a sweep has its own."""
    return external(run_uid, candidate, "model", str(trial or ""))


def deployment(run_uid: str, candidate: str) -> str:
    """Of a candidate's base model; its configuration has the same name."""
    return external(run_uid, candidate, "serve")


def run_uid_of(name: str) -> str | None:
    """The run that made what has this name; None where no run of flywheel did."""
    found = _OURS.match(name.removeprefix(job_fileset("")))
    return None if found is None else found[0]


def job_fileset(job_name: str) -> str:
    """What the Jobs service keeps a job's log and results in."""
    return f"job-fileset-{job_name}"
