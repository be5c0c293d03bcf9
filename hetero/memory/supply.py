"""Supply: arrays for the outputs of all frames of a deployment, which come back when nobody holds them any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hetero.memory.lender import Lender, fresh
from hetero.memory.shared import StagedBuffer

Array = np.ndarray[Any, Any]

LENT = 16  # arrays of an output that come back, for each slot: who takes frames in order seldom holds as many
KEPT = 1 << 29  # bytes of them at most, of either kind: a GPU makes hundreds while a core is at one frame


class Supply:
    """Plain arrays, and pinned ones of the outputs that a device can copy.

    outputs    name -> an array like those that are asked for
    slots      of the deployment
    staged     name -> one of those by which the output leaves a device
    """

    def __init__(self, outputs: Mapping[str, Array], slots: int, staged: Mapping[str, StagedBuffer]) -> None:
        room = KEPT // max(1, sum(array.nbytes for array in outputs.values()))
        most = max(1, min(room, LENT * slots))
        self.plain = {name: Lender(array, most, fresh(array.nbytes)) for name, array in outputs.items()}
        self.pinned = {name: Lender(outputs[name], most, each.spare()) for name, each in staged.items()}
