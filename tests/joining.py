"""A second lab that joins a first one's cluster, as an operator's does."""

from __future__ import annotations

from pathlib import Path

from sim.compute import SCHEDULER_VARIABLE, Compute


def as_an_operator(compute: Compute, folder: Path) -> dict[str, str]:
    """The environment in which another lab joins this one's cluster: Dask's own settings of TLS."""
    security = compute.client().security
    (folder / "ca.pem").write_text(security.tls_ca_file)
    (folder / "client.pem").write_text(security.tls_client_cert + security.tls_client_key)
    return {
        SCHEDULER_VARIABLE: compute.client().scheduler.address,
        "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(folder / "ca.pem"),
        "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT": str(folder / "client.pem"),
    }
