"""The tools by name. All of them only read."""

from flywheel.insights.tools import judging, lookups
from flywheel.insights.tools.arguments import (
    Calculation,
    Choices,
    Named,
    Nothing,
    OfClass,
    OfModel,
    OfRun,
    OfWorkload,
    PerhapsOfWorkload,
    TwoModels,
    TwoRuns,
    Volume,
)
from flywheel.insights.tools.toolbox import Tool

TOOLS = (
    Tool("find", Named, lookups.find_things, "Looking for runs"),
    Tool("results", OfModel, lookups.results, "Looking at scores"),
    Tool("classes", OfClass, lookups.classes, "Looking at classes"),
    Tool("compare_models", TwoModels, judging.compare_models, "Comparing models"),
    Tool("compare_runs", TwoRuns, judging.compare_runs, "Comparing runs"),
    Tool("trend", OfWorkload, lookups.trend, "Looking at earlier runs"),
    Tool("cost", Volume, judging.cost, "Working out costs"),
    Tool("disagreements", OfClass, judging.disagreements, "Reading disagreements"),
    Tool("data", OfRun, lookups.data, "Looking at the datasets"),
    Tool("log", PerhapsOfWorkload, lookups.log, "Looking into the log"),
    Tool("status", OfRun, lookups.status, "Looking at what is running"),
    Tool("serving", PerhapsOfWorkload, lookups.serving, "Looking at what serves"),
    Tool("policy", OfRun, judging.policy, "Reading the policy"),
    Tool("receipt", OfRun, judging.receipt, "Looking for the receipt"),
    Tool("ask_back", Choices, judging.ask_back),
    Tool("no_answer", Nothing, judging.no_answer),
    Tool("calculate", Calculation, judging.calculate, "Calculating"),
)
