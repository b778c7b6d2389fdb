import pytest
import torch

from allcore.errors import AllScopeError
from allcore.inference import devices


def test_described__threads_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    assert devices.described("cpu", 1).endswith(") with 1 thread")
    assert devices.described("cpu", 3).endswith(") with 3 threads")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(devices, "free_cores", lambda: 5)
    assert devices.described("cpu").endswith(") with 5 threads")
    assert torch.get_num_threads() == before


def test_described__is_what_a_network_then_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = torch.get_num_threads()
    assert f"with {before} thread" in devices.described("cpu")
    assert devices.use_threads() == before


def test_described__a_gpu_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    assert devices.described("auto") == "cuda (Some GPU)"


def test_described__no_such_device() -> None:
    with pytest.raises(AllScopeError, match="There is no device 'tpu'"):
        devices.described("tpu")
