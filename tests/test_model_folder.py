from pathlib import Path

import pytest

from allcore import model_folder
from allcore.data import cell_measurements
from allcore.errors import ModelError


def test_read_facts__none_where_not_kept(tmp_path: Path) -> None:
    assert model_folder.read_facts(tmp_path) is None


def test_read_facts__what_was_written(tmp_path: Path) -> None:
    table = (
        cell_measurements.table([])
        .reindex(range(2))
        .assign(image_id=["a", "b"], border=[True, False])
    )
    model_folder.write_facts(tmp_path, table)
    found = model_folder.read_facts(tmp_path)
    assert found is not None and found.equals(table)


def test_read_facts__damage_is_one_sentence(tmp_path: Path) -> None:
    model_folder.write_facts(tmp_path, cell_measurements.table([]).drop(columns="focus"))
    with pytest.raises(ModelError, match=r"lacks the column 'focus'.*evaluate --facts"):
        model_folder.read_facts(tmp_path)
    (tmp_path / model_folder.FACTS).write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"can't be read.*evaluate --facts"):
        model_folder.read_facts(tmp_path)
