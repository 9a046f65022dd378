"""Where zeros are: the map over all places of the optimum c, as pictures under the figure."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ui.charts.constraints import Panel, ball_shape, solution_dot


def map_panel(one: Panel, masks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The ball and the solution over the map of zeros."""
    ground = ball_shape(one) | {"fill": 0}
    return {
        "title": one.title,
        "role": one.norm.role,
        "masks": list(masks),
        "shapes": [ground],
        "dots": [solution_dot(one)],
    }


def masks(codes: npt.NDArray[np.uint8], reach: float) -> list[dict[str, Any]]:
    """Where w₁ and where w₂ is zero, as pictures; `codes` (n, n) are those of a `ZeroMap`."""
    edge = reach * (1 + 1 / (len(codes) - 1))  # half a pixel more on each side
    return [
        {"role": role, "png": _png((codes[::-1] & bit) > 0), "extent": [-edge, edge, -edge, edge]}
        for bit, role in ((1, "truth"), (2, "sound"))
        if (codes & bit).any()
    ]


def _png(white: npt.NDArray[np.bool_]) -> str:
    """A black and white picture as a data URL."""
    height, width = white.shape
    rows = np.packbits(white, axis=1)
    raw = np.column_stack([np.zeros(height, dtype=np.uint8), rows]).tobytes()

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    picture = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    return "data:image/png;base64," + base64.b64encode(picture).decode()
