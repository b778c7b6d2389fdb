"""Growth of memory with the number of predictions of one process."""

import contextlib
import json
import resource
import subprocess
import sys
from pathlib import Path

from allcore.inference import streaming
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

PICTURES = 32


def run(scale: Scale) -> Result:
    """Peak megabytes after all predictions (2,000 at full scale), against after a tenth of them.

    Flat memory gives a ratio of 1. A process of its own answers them, so that nothing else counts.
    """
    ran = subprocess.run(
        [sys.executable, "-m", __name__, str(scale.predictions)],
        capture_output=True,
        text=True,
        check=True,
    )
    peaks = json.loads(ran.stdout)
    return timing.result(
        "memory", ours=peaks["last"], reference=peaks["first"], unit="MB", device=peaks["device"]
    )


def measure(predictions: int) -> dict[str, float | str]:
    """Give the peaks, in megabytes, of this process after a tenth and after all predictions."""
    predictor = inputs.predictor()
    peaks: dict[str, float | str] = {"device": str(predictor.device)}
    with inputs.pictures(PICTURES) as paths:
        files = (paths[number % PICTURES] for number in range(predictions))
        for predicted, _ in enumerate(streaming.predict_files(predictor, files), start=1):
            if predicted == max(1, predictions // 10):
                peaks["first"] = peak()
    peaks["last"] = peak()
    return peaks


def peak() -> float:
    """Give the most memory this process has held so far, in megabytes.

    Linux's VmHWM is this program's alone; ``ru_maxrss`` keeps the peak of the process that
    started it, and counts in bytes on macOS.
    """
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def reset_peak() -> None:
    """Let ``peak`` begin anew, where the system can do that."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> float:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
