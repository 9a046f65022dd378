"""What holds for all tests.

One thread for the arithmetic: on small matrices more of them only wait for each other. Hypothesis
tries the same examples on any day, and however long they take on a busy machine.
"""

import os

from hypothesis import HealthCheck, settings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before anything imports numpy or torch

settings.register_profile(
    "lab", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("lab")
