"""`/flywheel policy`: the policy in force in words, with who decides under it."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.console.limits import message_problems, texts
from bot.views.policy import policy
from flywheel.decisions.policy import policy_document
from flywheel.settings import Settings
from flywheel.views import PolicyView
from tests.bot.conftest import ADA, BEN, Scene, scene_in, whispers
from tests.bot.strategies import names


async def test_the_policy_in_force_and_who_decides(scene: Scene) -> None:
    said = whispers(await scene.command("policy", by=scene.ben))
    assert "It may score at most 0.25 below the reference" in said
    assert f"Approvers: <@{ADA}>" in said
    assert "One person approves." in said
    assert "`policy.yaml` · sha256 " in said

    of_news = whispers(await scene.command("policy news"))
    assert "Policy · news" in of_news
    assert "Did you mean news?" in whispers(await scene.command("policy nwes"))


async def test_a_policy_of_ones_own_and_workloads_with_other_approvers(
    quick: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "strict.yaml"
    file.write_text("margin: 0.02\napproval: {four_eyes: true, approvals: 2}\n")
    approval = quick.approval_config.model_copy(
        update={"workloads": {"legal": [BEN, "S0LEGAL123"]}}
    )
    mine = quick.model_copy(
        update={
            "approval_config": approval,
            "decision_config": quick.decision_config.model_copy(update={"policy_file": file}),
        }
    )
    async with scene_in(mine, 0) as scene:
        said = whispers(await scene.command("policy"))
        assert "at most 0.02 below" in said
        assert "2 people have to approve the same model" in said
        assert f"Of `legal` instead: <@{BEN}>, <!subteam^S0LEGAL123>" in said
        assert str(tmp_path) not in said  # where files lie here is nobody's business there
        of_legal = whispers(await scene.command("policy legal"))
        assert f"Approvers: <@{BEN}>, <!subteam^S0LEGAL123>" in of_legal
        assert ADA not in of_legal


def test_nobody_decides_yet() -> None:
    view = PolicyView(document=policy_document("{}", "p.yaml"), workload_id=None, approvers=[])
    assert "nobody yet" in "\n".join(texts(policy(view).block_dicts()))


@settings(max_examples=30, deadline=None)
@given(
    st.one_of(st.none(), names),
    st.lists(names, max_size=40),
    st.dictionaries(names, st.lists(names, max_size=30), max_size=30),
    st.integers(0, 60),
)
def test_every_policy_is_one_that_slack_takes(
    workload: str | None, people: list[str], elsewhere: dict[str, list[str]], floors: int
) -> None:
    written = "".join(f"  - {{label: {'x<&' * 90}{i}, at_least: 0.9}}\n" for i in range(floors))
    document = policy_document(f"floors:\n{written}" if written else "{}", "<p>.yaml")
    view = PolicyView(
        document=document, workload_id=workload, approvers=people, elsewhere=elsewhere
    )
    shown = policy(view)
    assert message_problems(shown.block_dicts()) == []
    assert shown.text
