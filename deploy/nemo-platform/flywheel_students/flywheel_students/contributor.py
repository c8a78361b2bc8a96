"""The backend `students`: its routes, and the one step that a job consists of."""

from typing import Any, ClassVar

import typer
from nemo_platform_plugin.jobs.api_factory import PlatformJobSpec
from nemo_platform_plugin.jobs.providers import SubprocessExecutionProvider
from nemo_platform_plugin.jobs.spec import PlatformJobStepSpec
from nmp.customization_common.contributor.base import BaseContributor
from nmp.customization_common.contributor.config import BaseTrainingPluginConfig, generate_job_id
from nmp.customization_common.contributor.jobs import BaseSubmitJob
from nmp.customization_common.service.platform_client import check_dataset_access
from pydantic import BaseModel

from flywheel.adapters.local_platform.registry import student
from flywheel.errors import InvalidInputError
from flywheel_students.spec import StudentSpec


class StudentsConfig(BaseTrainingPluginConfig):
    """Students run on the CPU of whatever the profile `default` names."""

    default_training_execution_profile: str = "default"


class StudentJob(BaseSubmitJob):
    """Training one student in a process of the host; no container, no GPU."""

    name: ClassVar[str] = "students.jobs"
    description: ClassVar[str] = "Training of flywheel's CPU students."
    job_collection_path: ClassVar[str | None] = "/students/jobs"
    input_spec_schema: ClassVar[type[BaseModel] | None] = StudentSpec
    spec_schema: ClassVar[type[BaseModel] | None] = StudentSpec
    runtime_label: ClassVar[str] = "Students"

    @classmethod
    async def _transform(cls, job_input: BaseModel, workspace: str, async_sdk: Any) -> StudentSpec:
        """The spec as it is. Raises ValueError for an unknown student or a missing dataset."""
        spec = StudentSpec.model_validate(job_input.model_dump())
        try:
            student(spec.model.name)
        except InvalidInputError as error:
            raise ValueError(str(error)) from error
        for path in filter(None, (spec.dataset.path, spec.dataset.validation_path)):
            await check_dataset_access(async_sdk, path.partition("#")[0], workspace)
        return spec

    @classmethod
    async def compile(
        cls,
        workspace: str,
        spec: BaseModel,
        entity_client: object,
        job_name: str | None,
        async_sdk: object,
        profile: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> PlatformJobSpec:
        del workspace, entity_client, job_name, async_sdk, options
        executor = SubprocessExecutionProvider(
            provider="subprocess",  # said aloud: what is left to a default is not sent on
            profile=profile or "default",
            command=["python", "-m", "flywheel_students.task"],
        )
        step = PlatformJobStepSpec(name="train", executor=executor, config=spec.model_dump())
        return PlatformJobSpec(steps=[step])


class StudentsContributor(BaseContributor):
    """Found through the entry point `nemo.customization.contributors`."""

    name: ClassVar[str] = "students"
    job_cls: ClassVar[type[Any]] = StudentJob
    cli_help: ClassVar[str] = "Training of flywheel's CPU students."
    jobs_router_description: ClassVar[str] = "Jobs that train flywheel's CPU students."

    @staticmethod
    def generate_job_name() -> str:
        """For a request without a name."""
        return generate_job_id("students")

    def _get_config(self) -> StudentsConfig:
        return StudentsConfig()

    def apply_cli_overrides(self, app: typer.Typer) -> None:
        """None."""
