"""An examination of answers: a company, questions about it, and how their answers are marked."""
