import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from allcore import site_profile
from allcore.errors import DataError, ModelError
from tests import validated


def test_save__versions_by_name_and_equal_ones_once(home: Path) -> None:
    first = site_profile.save(validated.profile())
    assert first.key == "Laboratory A@1"
    assert site_profile.save(validated.profile(created="later", command="again")) == first
    second = site_profile.save(validated.profile(threshold=0.25))
    assert second.key == "Laboratory A@2"
    other = site_profile.save(validated.profile(name="Laboratory B"))
    assert [one.key for one in site_profile.list_profiles()[0]] == [
        "Laboratory A@2", "Laboratory A@1", other.key,
    ]  # fmt: skip
    assert site_profile.find("laboratory a") == second
    assert site_profile.find("Laboratory A@1") == first
    site_profile.delete(second)
    assert site_profile.find("Laboratory A") == first


def test_save__names_of_one_file_are_versions_of_each_other(home: Path) -> None:
    site_profile.save(validated.profile(name="Lab A"))
    assert site_profile.save(validated.profile(name="lab-a")).number == 2


@pytest.mark.parametrize("name", ["", "../x", "a@2", "a/b", "x" * 61, "-a", "a\nb\0"])
def test_save__refuses_names(home: Path, name: str) -> None:
    with pytest.raises(DataError, match="1 to 60 letters"):
        site_profile.save(validated.profile(name=name))


def test_suggested_name__of_any_data_set() -> None:
    assert site_profile.suggested_name("C-NMC 2019") == "C-NMC 2019"
    assert site_profile.suggested_name("../@@ lab/1") == "lab 1"
    assert site_profile.suggested_name("***") == "site"


def test_find__lists_what_there_is(home: Path) -> None:
    with pytest.raises(DataError, match="none is saved"):
        site_profile.find("A")
    site_profile.save(validated.profile())
    with pytest.raises(DataError, match=r"choose one of these \(Laboratory A@1"):
        site_profile.find("B")


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"temperature": 0.0}, {"threshold": 1.5}, {"more": 1}, {"bias": None}],
)
def test_list_profiles__names_damaged_files(home: Path, change: dict[str, object]) -> None:
    site_profile.save(validated.profile())
    values = json.loads(validated.profile().to_json()) | change
    (site_profile.folder() / "damaged.json").write_text(json.dumps(values))
    profiles, damaged = site_profile.list_profiles()
    assert ([one.key for one in profiles], damaged) == (["Laboratory A@1"], ["damaged.json"])


def test_parse__reads_what_was_written() -> None:
    profile = validated.profile()
    assert site_profile.parse(profile.to_json()) == profile
    assert site_profile.parse(json.loads(profile.to_json())) == profile
    with pytest.raises(DataError, match="no site profile"):
        site_profile.parse(b"nonsense")


def test_probability__scales_the_models_own() -> None:
    profile = validated.profile(temperature=2.0, bias=-1.0)
    assert profile.probability(0.9) == pytest.approx(expit(logit(0.9) / 2 - 1))
    assert 0 < profile.probability(0.0) < profile.probability(1.0) < 1
    assert profile.log_odds(np.array([2.0])) == pytest.approx([0.0])


def test_with_profile__another_threshold_and_digest() -> None:
    model, profile = validated.model(), validated.profile()
    applied = model.with_profile(profile)
    assert (applied.info.threshold, applied.profile) == (profile.threshold, profile)
    assert "Laboratory A@1" in applied.info.threshold_rule
    assert applied != model
    assert applied.shipped_digest == model.digest
    assert model.info.threshold == 0.5
    assert model.with_profile(None) is model


def test_with_profile__another_model_is_refused() -> None:
    model = validated.model()
    trained_again = dataclasses.replace(model, digest="e" * 64)
    with pytest.raises(ModelError, match="measured on simulated dddddddddddd and can't be applied"):
        trained_again.with_profile(validated.profile())
    with pytest.raises(ModelError, match="validate that model"):
        model.with_profile(validated.profile(model_sha256="1" * 64))
