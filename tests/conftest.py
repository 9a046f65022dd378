"""One thread for the arithmetic: on small matrices more of them only wait for each other."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before anything imports numpy or torch
