"""NeMo Microservices 25.x as far as flywheel uses it: strict, stateful, and able to fail.

A real server on 127.0.0.1 with the Entity Store, the Data Store and its Hugging Face endpoints,
Customizer, Evaluator, Deployment Management and a NIM proxy. Bodies are checked against the
SDK's own types, training really trains a small student on the files that were uploaded, and the
proxy answers with its predictions. Nobody has compared it with a NeMo that runs.
"""

from tests.support.nemo_double.faults import Fault
from tests.support.nemo_double.server import NemoDouble
from tests.support.nemo_double.world import Durations, World

__all__ = ["Durations", "Fault", "NemoDouble", "World"]
