from pathlib import Path

import pytest

from allcore import modelfolder
from allcore.data import facts
from allcore.errors import ModelError


def test_read_facts__none_where_not_kept(tmp_path: Path) -> None:
    assert modelfolder.read_facts(tmp_path) is None


def test_read_facts__what_was_written(tmp_path: Path) -> None:
    table = facts.table([]).reindex(range(2)).assign(image_id=["a", "b"], border=[True, False])
    modelfolder.write_facts(tmp_path, table)
    found = modelfolder.read_facts(tmp_path)
    assert found is not None and found.equals(table)


def test_read_facts__damage_is_one_sentence(tmp_path: Path) -> None:
    modelfolder.write_facts(tmp_path, facts.table([]).drop(columns="focus"))
    with pytest.raises(ModelError, match=r"lacks the column 'focus'.*evaluate --facts"):
        modelfolder.read_facts(tmp_path)
    (tmp_path / modelfolder.FACTS).write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"can't be read.*evaluate --facts"):
        modelfolder.read_facts(tmp_path)
