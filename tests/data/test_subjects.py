import pytest

from allcore.data import subjects


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("UID_H12_3_1_hem.bmp", ("H12", "hem")),
        ("fold_0/all/UID_11_10_1_all.jpg", ("11", "all")),
        ("uid_h2_1_1_HEM.BMP", ("H2", "hem")),
        ("UID_H12_3_1_hem (1).bmp", ("H12", "hem")),
        ("UID_H12_3_1_hem - Copy.bmp", ("H12", "hem")),
        ("UID_11_10_1_all copy 2.bmp", ("11", "all")),
        ("Copy of UID_11_10_1_all.bmp", ("11", "all")),
        ("UID_11_10_1_all - Kopie (3).bmp", ("11", "all")),
        ("UID_11_10_1_all (another copy).bmp", ("11", "all")),
        ("UID_11_10_1_all_1.bmp", ("11", "all")),
        ("UID_11_10_1_all_aug3.png", ("11", "all")),
        ("train_UID_H12_3_1_hem.bmp.png", ("H12", "hem")),
        ("XUID_11_10_1_all.bmp", None),
        ("UID_11_10_1_allium.bmp", None),
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


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("img/Im001_1.tif", "all"),
        ("im131_0 (1).TIF", "hem"),
        ("UID_H2_1_1_hem.bmp", "hem"),
        ("Im001_2.tif", None),
        ("Image001_1.tif", None),
    ],
)
def test_label_in_name(name, label):
    assert subjects.label_in_name(name) == label


def test_original_id__of_a_copy():
    assert subjects.canonical_id("all/UID_1_1_1_all (1).png") == "UID_1_1_1_all (1)"
    assert subjects.original_id("all/UID_1_1_1_all (1).png") == "UID_1_1_1_all"
    assert subjects.original_id("all/a (1).png") == "all/a (1).png"
