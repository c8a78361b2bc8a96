"""Answers that a language model words: it refers to values, code writes and checks the rest."""
