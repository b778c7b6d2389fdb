import base64

from allcore.labels import CLASS_COLOURS
from allcore.web.components import table_pictures


def test_probability_bar__has_the_colour_of_its_side() -> None:
    blast, normal, refused = (
        base64.b64decode(table_pictures.probability_bar(value, 0.5).split(",")[1]).decode()
        for value in (0.9, 0.1, None)
    )
    assert CLASS_COLOURS["all"] in blast and CLASS_COLOURS["hem"] in normal
    assert CLASS_COLOURS["all"] not in refused and CLASS_COLOURS["hem"] not in refused
