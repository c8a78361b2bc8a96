"""What each kind of step does: start it outside, look how it stands, stop it."""

from flywheel.runs.steps.base import Outcome, StepHandler
from flywheel.runs.steps.build import BuildDatasets
from flywheel.runs.steps.customize import Customize
from flywheel.runs.steps.decide import Decide
from flywheel.runs.steps.deploy import Deploy, Undeploy
from flywheel.runs.steps.evaluate import Evaluate
from flywheel.runs.steps.judge import Judge
from flywheel.runs.steps.receipt import SignReceipt
from flywheel.runs.steps.select import SelectTrial
from flywheel.runs.steps.summarise import Summarise
from flywheel.runs.steps.trial import TrialTraining
from flywheel.runs.steps.upload import UploadDatasets

HANDLERS: dict[str, StepHandler] = {
    "build-datasets": BuildDatasets(),
    "upload-datasets": UploadDatasets(),
    "deploy": Deploy(),
    "undeploy": Undeploy(),
    "deploy-judge": Deploy(),
    "undeploy-judge": Undeploy(),
    "incumbent-eval": Evaluate("incumbent-eval"),
    "base-eval": Evaluate("base-eval"),
    "icl-eval": Evaluate("icl-eval"),
    "customize": Customize(),
    "trial": TrialTraining(),
    "select": SelectTrial(),
    "customized-eval": Evaluate("customized-eval"),
    "judge": Judge(),
    "decide": Decide(),
    "summarise": Summarise(),
    "receipt": SignReceipt(),
}

__all__ = ["HANDLERS", "Outcome", "StepHandler"]
