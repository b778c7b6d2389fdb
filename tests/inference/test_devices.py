from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from allcore.errors import AllScopeError
from allcore.inference import devices


def test_described__threads_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    assert devices.described("cpu", 1).endswith(") with 1 thread, fp32")
    assert devices.described("cpu", 3).endswith(") with 3 threads, fp32")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(devices, "free_cores", lambda: 5)
    assert devices.described("cpu").endswith(") with 5 threads, fp32")
    assert torch.get_num_threads() == before


def test_described__is_what_a_network_then_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = torch.get_num_threads()
    assert f"with {before} thread" in devices.described("cpu")
    assert devices.use_threads() == before


def test_described__a_gpu_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    assert devices.described("auto") == "cuda (Some GPU), fp32"


def test_described__no_such_device() -> None:
    with pytest.raises(AllScopeError, match="There is no device 'tpu'"):
        devices.described("tpu")


@pytest.mark.parametrize(
    ("abilities", "expected"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"avx512_f": True}, "fp32")],
)
def test_precision__follows_the_ability(
    monkeypatch: pytest.MonkeyPatch, abilities: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities)
    monkeypatch.setenv("ALLSCOPE_PRECISION", "auto")
    assert devices.precision(torch.device("cpu")) == expected
    for chosen in ("fp32", "bf16"):
        monkeypatch.setenv("ALLSCOPE_PRECISION", chosen)
        assert devices.precision(torch.device("cpu")) == chosen


def test_run_alone__leaves_the_threads_of_others() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(1, initializer=devices.run_alone) as pool:
            assert pool.submit(torch.get_num_threads).result() == 1
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_workers__one_has_all_threads_and_several_run_alone() -> None:
    assert devices.workers(1) == {"workers": 1, "initializer": None}
    assert devices.workers(3) == {"workers": 3, "initializer": devices.run_alone}
