"""What this machine has for a model to run on."""

import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

import psutil

from promptlathe.models.catalog import CatalogEntry

Fit = Literal["yes", "no", "no GPU"]

BESIDE_BYTES = 1_000_000_000
"""What engine and system take besides weights and cache: a model of 0.1 GB was seen to peak at 0.9 to 1.3 GB."""
_ASKING_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Machine:
    """`gpu_memory_bytes` is the largest NVIDIA GPU's; None where there is none."""

    memory_bytes: int
    gpu_memory_bytes: int | None

    def fits(self, entry: CatalogEntry) -> Fit:
        """Whether weights and a short context have room, if nothing else big runs."""
        memory = self.gpu_memory_bytes if entry.needs_gpu else self.memory_bytes
        if memory is None:
            return "no GPU"
        return "yes" if memory >= entry.memory_bytes + BESIDE_BYTES else "no"


def this_machine() -> Machine:
    return Machine(psutil.virtual_memory().total, _gpu_memory_bytes())


def _gpu_memory_bytes() -> int | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = [program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        asked = subprocess.run(  # noqa: S603 - the driver's own program, arguments of ours
            query, capture_output=True, text=True, timeout=_ASKING_TIMEOUT_S, check=True
        )
        return max((int(line) << 20 for line in asked.stdout.split()), default=None)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
