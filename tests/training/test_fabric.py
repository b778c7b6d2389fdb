"""The same loop under torchrun, with two processes on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import REPOSITORY, draw_folders


@pytest.mark.long
def test_train__two_processes(tmp_path: Path):
    cells = draw_folders(tmp_path / "cells", subjects=6, cells=3)
    out = tmp_path / "made"
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "allcore",
        "train", "--data", str(cells), "--arch", "qcresnet", "--init", "none",
        "--folds", "3", "--size", "32", "--epochs", "1", "--recipe", '{"batch_size": 4}',
        "--device", "cpu", "--out", str(out),
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((out / "model.json").read_text())["training"]["split"]["kind"] == "subject"
    with np.load(out / "embeddings.npz") as stored:
        assert len(stored["features"]) == 18
