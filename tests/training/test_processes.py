"""The same loop under torchrun, with two processes on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.training.test_training import textured


@pytest.mark.slow
def test_train__two_processes(tmp_path: Path):
    for number in range(6):
        label = "all" if number < 3 else "hem"
        (tmp_path / "cells" / label).mkdir(parents=True, exist_ok=True)
        for cell in range(3):
            name = f"UID_{'H' * (label == 'hem')}{number + 100}_{cell}_1_{label}.png"
            Image.fromarray(textured(number * 10 + cell, radius=100)).save(
                tmp_path / "cells" / label / name
            )
    out = tmp_path / "made"
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "allcore",
        "train", "--data", str(tmp_path / "cells"), "--arch", "qcresnet", "--init", "none",
        "--folds", "3", "--size", "32", "--epochs", "1", "--recipe", '{"batch_size": 4}',
        "--device", "cpu", "--out", str(out),
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((out / "model.json").read_text())["training"]["split"]["kind"] == "subject"
    with np.load(out / "embeddings.npz") as stored:
        assert len(stored["features"]) == 18
