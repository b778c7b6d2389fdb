import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from allcore.explain.parts import VIEW_NAMES
from allcore.web.components import cell_details, cell_pictures
from tests.conftest import draw_cell

IDS = ("UID_51_1_1_all", "UID_75_1_1_all", "UID_12_1_1_all", "UID_H9_1_1_hem", "UID_H9_1_2_hem")


@pytest.fixture
def model(tiny_model: Path) -> Path:
    """The tiny model with held-out predictions and features of five cells."""
    parsed = [name.split("_") for name in IDS]
    table = pd.DataFrame(
        {
            "image_id": IDS,
            "path": [f"{name}.png" for name in IDS],
            "subject": [parts[1] for parts in parsed],
            "group": ["51+75+78", "51+75+78", "12", "H9", "H9"],
            "label": [parts[-1] for parts in parsed],
            "split": "test",
            "fold": 0,
            "logit": 0.0,
            "probability": [0.3, 0.8, 0.9, 0.2, 0.6],
            "baseline_probability": 0.5,
        }
    )
    table.to_parquet(tiny_model / model_folder.PREDICTIONS, index=False)
    table.assign(split="train")[["image_id", "split"]].to_csv(
        tiny_model / model_folder.SPLIT, index=False
    )
    vectors = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)
    model_folder.write_embeddings(tiny_model, list(IDS), vectors, vectors[:, :2])
    info = model_folder.read_info(tiny_model)
    info.training.update({"split": {"kind": "subject", "train": ["51", "12", "H9"]}})
    model_folder.write_info(tiny_model, info)
    return tiny_model


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    for number, name in enumerate(IDS):
        path = root / name.rsplit("_", 1)[1] / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_cell(seed=number)).save(path)
    return root


def script(image_id: str, model: str | None, root: str | None, position: tuple[int, int]) -> None:
    """What a page does around the cell."""
    import math
    from pathlib import Path

    import streamlit as st

    from allcore import model_folder
    from allcore.data import readers
    from allcore.web.cell_images import CellImages
    from allcore.web.components import cell_details

    folder = model_folder.folder("tiny")
    table = model_folder.read_predictions(folder).set_index("image_id", drop=False)
    row = {"image_id": image_id, "probability": 0.4, "label": None, "subject": None}
    if image_id in table.index:
        row = table.loc[image_id].to_dict()
    context = cell_details.CellContext(
        row=row,
        threshold=0.5,
        model=None if model is None else model_folder.resolve(model),
        images=CellImages() if root is None else CellImages.of([readers.read(Path(root))]),
        facts={"area": 31_415.9, "focus": math.nan, "own": 0.1234},
        percentiles={"area": 93.4},
        position=position,
    )
    st.session_state["step"] = cell_details.show_cell(context)


def opened(
    image_id: str = IDS[0],
    *,
    model: str | None = "tiny",
    root: Path | None = None,
    position: tuple[int, int] = (0, 1),
    models: bool = False,
) -> AppTest:
    page = AppTest.from_function(
        script,
        default_timeout=60,
        kwargs={
            "image_id": image_id,
            "model": model,
            "root": root and str(root),
            "position": position,
        },
    )
    page.session_state["cell_models"] = models
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.info, *page.error]
    said = "\n".join(str(part.value) for part in parts)
    drawn = "\n".join(each.proto.body for each in page.get("html"))
    return f"{said}\n{drawn}".replace("\\", "")


def tables(page: AppTest) -> dict[str, pd.DataFrame]:
    return {str(frame.value.columns[0]): frame.value for frame in page.dataframe}


def test_show__without_the_picture(home: Path, model: Path) -> None:
    page = opened()
    said = words(page)
    assert IDS[0] in said
    assert "Actual ALL blast, predicted normal: wrong." in said
    assert "0.30, below the threshold 0.50" in said
    assert "by a network that was not trained on this cell" in said
    assert "Subject 51, the same person as others of 51+75+78." in said
    assert "ALLSCOPE_DATA" in page.info[0].value
    assert "Grad-CAM" not in said and "<img" not in said


def test_show__neighbours_by_name_without_pictures(home: Path, model: Path) -> None:
    page = opened()
    near = tables(page)["Cell"]
    assert set(near["Cell"]) == set(IDS[1:])
    assert near.set_index("Cell").loc[IDS[1], "Subject"] == "75 (the same)"
    assert near.set_index("Cell").loc[IDS[1], "Probability, held out"] == "0.80"
    said = words(page)
    assert "1 of these 4 are of the cell's own subject" in said
    assert "3 of 4 (75 %" in said  # 0.6 for the normal cell is wrong


def test_show__measures_with_their_place_among_all(home: Path, model: Path) -> None:
    measures = tables(opened())["Measure"].set_index("Measure")
    assert measures.loc["Area"].tolist() == ["31,416 px", "above 93 %"]
    assert measures.loc["Focus (deviation of the Laplacian)", "Value"] == "not measured"
    assert measures.loc["own"].tolist() == ["0.123", ""]


def test_show__recorded_answers_without_pictures(home: Path, model: Path) -> None:
    answers = tables(opened(models=True))["Model"]
    assert answers.loc[0].tolist() == [
        "tiny", "0.30, normal", "no picture", "trained on this cell", "0.50",
    ]  # fmt: skip
    assert "Model" not in tables(opened())  # other models are asked where they are opened only


def test_show__with_the_picture(home: Path, model: Path, images: Path) -> None:
    page = opened(root=images, models=True)
    said = words(page)
    assert not page.info and not page.error
    assert "The picture: " in said
    assert all(name in said for name in VIEW_NAMES)
    assert "of 8 views" in said and "mean 0." in said
    assert "Grad-CAM" not in said
    answer = tables(page)["Model"].loc[0]
    assert answer["Held out"] == "0.30, normal"
    assert answer["Answer now"].split(", ")[1] in {"ALL blast", "normal"}


def test_show__saliency_maps_on_demand(home: Path, model: Path, images: Path) -> None:
    page = opened(root=images)
    page.toggle(key="cell_saliency").set_value(True).run()
    assert not page.exception
    said = words(page)
    assert "network&#x27;s input, 64 × 64 pixels" in said
    assert "Integrated gradients" in said and "evidence for normal" in said
    assert "being checked" not in said


def test_show__asks_the_network_that_held_the_subject_out(
    home: Path, model: Path, images: Path
) -> None:
    from allcore.explain import explanation, model_record
    from allcore.inference.predictor import Predictor
    from allcore.nets import registry

    other = registry.build("qcresnet", widths=[16])
    model_folder.write_info(
        model,
        replace(
            model_folder.read_info(model),
            temperature=3.0,
            training=model_folder.read_info(model).training | {"out_of_fold": 1},
            folds_sha256=model_folder.write_folds(model, [other]),
        ),
    )
    page = opened(root=images, models=True)
    fold = model_record.fold_predictor(model_folder.resolve("tiny"), 0, torch_device())
    expected = explanation.predict_views(fold, fold.prepare(draw_cell(seed=0)))
    assert f"{expected.probabilities[0]:.2f}, as it is" in words(page)
    assert expected.sentence(0.5) in words(page)
    now = Predictor.load(model, "cpu").predict([draw_cell(seed=0)])[0].p_all
    assert tables(page)["Model"].loc[0, "Answer now"].startswith(f"{now:.2f}, ")


def torch_device() -> Any:
    import torch

    return torch.device("cpu")


def test_show__neighbours_as_a_gallery(home: Path, model: Path, images: Path) -> None:
    page = opened(root=images)
    said = words(page)
    assert "Cell" not in tables(page)
    assert said.count("data:image/webp") == 8 + 4  # views and neighbours
    assert "the same subject 75, 0.80 held out" in said


def test_show__asks_for_the_features_of_a_new_cell(home: Path, model: Path, images: Path) -> None:
    Image.fromarray(draw_cell(seed=9)).save(images / "all" / "UID_51_9_9_all.png")
    said = words(opened("UID_51_9_9_all", root=images))
    assert "Nearest cells" in said
    assert said.count("data:image/webp") == 8 + 5
    absent = words(opened("UID_51_9_9_all"))
    assert "its neighbours can't be found without its picture" in absent


def test_show__of_a_file_has_no_network_of_its_own(home: Path, model: Path, images: Path) -> None:
    page = opened(model=None, root=images, models=True)
    assert "came from a file" in page.info[0].value
    answers = tables(page)["Model"].set_index("Model")
    assert answers.loc[cell_details.FILE, ["Held out", "Answer now"]].tolist() == [
        "0.30, normal", "no network",
    ]  # fmt: skip
    assert answers.loc["tiny", "Held out"] == "0.30, normal"
    assert answers.loc["tiny", "Answer now"].split(", ")[1] in {"ALL blast", "normal"}
    assert "Nearest cells" not in words(page)


def test_show__a_picture_that_is_no_picture(home: Path, model: Path, images: Path) -> None:
    (images / "all" / f"{IDS[0]}.png").write_bytes(b"nonsense")
    page = opened(root=images)
    assert "not a readable BMP" in page.error[0].value.replace("\\", "")
    assert "Cell" in tables(page) or "Nearest cells" in words(page)


def test_show__a_picture_without_a_cell(home: Path, model: Path, images: Path) -> None:
    black = np.zeros((450, 450, 3), np.uint8)
    Image.fromarray(black).save(images / "all" / f"{IDS[0]}.png")
    page = opened(root=images, models=True)
    assert "No cell was found" in page.error[0].value
    assert tables(page)["Model"].loc[0, "Answer now"] == "refused"


def test_show__damaged_weights_leave_the_rest(home: Path, model: Path, images: Path) -> None:
    st.cache_data.clear()
    st.cache_resource.clear()
    (model / model_folder.WEIGHTS).write_bytes(b"damaged")
    page = opened(root=images, models=True)
    assert "damaged" in page.error[0].value
    assert "can't be asked" in tables(page)["Model"].loc[0, "Answer now"]


def test_show__a_model_without_features(home: Path, model: Path) -> None:
    (model / model_folder.EMBEDDINGS).unlink()
    page = opened(models=True)
    assert "embeddings" in page.error[0].value
    assert "Model" in tables(page)


def test_show__steps_to_the_next_cell(home: Path, model: Path) -> None:
    page = opened(position=(3, 12))
    assert "Cell 4 of 12" in words(page)
    assert page.session_state["step"] == 0
    page.button(key="cell_next").click().run()
    assert page.session_state["step"] == 1
    assert IDS[0] not in words(page)  # nothing is drawn of a cell that is left
    page.button(key="cell_previous").click().run()
    assert page.session_state["step"] == -1


def test_show__enlarges(home: Path, model: Path, images: Path) -> None:
    page = opened(root=images)
    assert "width: 100%" in words(page)
    page.get("button_group")[0].set_value(4).run()
    assert not page.exception
    assert "width: 400%" in words(page) and "pixelated" in words(page)


def test_show__needs_no_torch_without_the_picture(home: Path, model: Path) -> None:
    code = (
        "import sys; from tests.web.components import test_cell_details as test; test.opened();"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["False"], ran.stderr


@pytest.mark.parametrize(
    ("label", "probability", "said"),
    [
        ("all", 0.5, "actual ALL blast, predicted ALL blast: correct"),
        ("hem", 0.5, "actual normal, predicted ALL blast: wrong"),
        (None, 0.49, "no label, predicted normal"),
        ("all", float("nan"), "no probability is recorded"),
    ],
)
def test_outcome__in_words(label: str | None, probability: float, said: str) -> None:
    assert cell_details.outcome(label, probability, 0.5) == said


def test_heading__shows_a_name_as_it_is() -> None:
    said = cell_pictures.heading("<b>x</b>", mark="●", colour="#000")
    assert "&lt;b&gt;x&lt;/b&gt;" in said
