import pytest

from allcore.data import subjects


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("UID_H12_3_1_hem.bmp", ("H12", "hem")),
        ("fold_0/all/UID_11_10_1_all.jpg", ("11", "all")),
        ("uid_h2_1_1_HEM.BMP", ("H2", "hem")),
        ("1.bmp", None),
        ("UID_11_10_all.bmp", None),
        ("UID_11_10_1_other.bmp", None),
    ],
)
def test_parse_name(name, parsed):
    assert subjects.parse_name(name) == parsed


def test_group_of__merged_subjects_share_a_group():
    assert subjects.group_of("78") == subjects.group_of("51") == "51+75+78"
    assert subjects.group_of("H24") == subjects.group_of("H14") == "H14+H24"


def test_group_of__any_other_subject_is_its_own():
    assert subjects.group_of("H12") == "H12"
