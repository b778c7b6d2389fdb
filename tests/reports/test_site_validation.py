import json

from allcore.reports import site_validation
from tests import validated


def test_validation_json__is_json_with_both_intervals() -> None:
    found = json.loads(
        json.dumps(site_validation.validation_json(validated.validation(), None), allow_nan=False)
    )
    assert found["figures"]["site"]["sensitivity"]["subject"]["low"] is not None
    assert found["accepted"]["cells"] == 285
    assert found["claims"] and found["nothing"] == ""
    assert found["profile"] is None
    nothing = validated.validation(all_subjects=1, normal_subjects=1)
    json.dumps(site_validation.validation_json(nothing, None), allow_nan=False)


def test_text_lines__figures_and_sentences() -> None:
    text = "\n".join(site_validation.text_lines(validated.validation()))
    assert "The gate accepts 285 of 300 (95 %, 95 % interval" in text
    assert "8 ALL and 7 normal subjects" in text
    assert "this laboratory's" in text
    assert "What may be claimed:" in text and "What may not:" in text
    few = "\n".join(
        site_validation.text_lines(validated.validation(all_subjects=1, normal_subjects=1))
    )
    assert "nan" not in few
    assert "Nothing can be claimed: 2 subjects" in few
    assert "cross-fitted" not in few
