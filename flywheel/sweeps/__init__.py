"""Sweeps: which hyper-parameters to try, which trainings to stop, which one is best. Pure."""
