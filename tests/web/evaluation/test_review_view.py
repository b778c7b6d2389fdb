import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from allcore.evaluation import metrics, model_evaluation
from allcore.inference.results import Prediction
from allcore.notice import RESEARCH_USE
from allcore.review import agreement
from allcore.store import accounts as stored
from allcore.store import admin_settings, flags, history, reviews
from allcore.store.history import HistoryAnswer
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.components import charts
from tests import simulated

Judge = Callable[[str, str, str], None]


class Who:
    """Who is signed in; a test may let somebody else take the seat."""

    name, role = "ada", "reviewer"


@pytest.fixture
def who(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Who:
    """Three accounts and a model with simulated predictions."""
    (own_home / "models").mkdir(parents=True)
    simulated.folder(own_home / "models")
    seat = Who()
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor(seat.name, "A Person", seat.role))
    for name in ("ada", "bob", "carl"):
        stored.create(accounts.store(), username=name, display_name=name, password=None)
    return seat


def view() -> None:
    import streamlit as st

    from allcore.web import cell_images, evaluations
    from allcore.web.evaluation import review_view, sources
    from allcore.web.evaluation.context import Context

    source = sources.source_of("simulated")
    threshold = st.session_state.get("at", 0.5)
    part = evaluations.evaluate_split(source, "test")
    review_view.show_review(Context(source, "test", part, threshold, "", cell_images.at_hand()))


def opened(**state: float) -> AppTest:
    page = AppTest.from_function(view, default_timeout=60)
    for name, value in state.items():
        page.session_state[name] = value
    page.run()
    assert not page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.info, *page.warning, *page.error]
    return "\n".join(str(part.value) for part in parts)


def frames(page: AppTest) -> list[pd.DataFrame]:
    return [each.value for each in page.dataframe]


def cells(folder: Path, *, wrong: bool, threshold: float = 0.5) -> list[tuple[str, str]]:
    """Ids and labels of the test cells that the model gets wrong, or right."""
    table = model_folder.read_predictions(folder / "models" / "simulated")
    test = table[table["split"] == "test"]
    called = np.where(test["probability"] >= threshold, "all", "hem")
    found = test[(called != test["label"]) == wrong]
    return list(zip(found["image_id"], found["label"], strict=True))


def other(label: str) -> str:
    return "hem" if label == "all" else "all"


def queue(*ids: str, reason: str = "error", by: str = "carl") -> None:
    reviews.queue_cells(accounts.store(), by, of="simulated", reasons=dict.fromkeys(ids, reason))


def judge(image_id: str, **seen: str) -> None:
    for name, each in seen.items():
        reviews.judge(accounts.store(), name, of="simulated", image_id=image_id, seen=each)


def downloads(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """The tables that the page offers, by label, as a browser would get them."""
    found: dict[str, pd.DataFrame] = {}

    def offer(table: pd.DataFrame, name: str, *, label: str = "", key: str | None = None) -> None:
        found[label or name] = pd.read_csv(io.BytesIO(charts.csv_bytes(table)))

    from allcore.web.evaluation import review_view

    monkeypatch.setattr(review_view, "show_csv_download", offer)
    page.run()
    assert not page.exception
    return found


def test_show__queues_errors_with_as_many_controls(who: Who, own_home: Path) -> None:
    page = opened()
    assert "No cell of these predictions is queued yet" in words(page)
    page.number_input(key="review_most").set_value(10).run()
    assert "This adds 10 cells and 10 controls to the queue." in words(page)
    press(page, "Put them into the queue")
    kept = {item.image_id: item.reason for item in reviews.items(accounts.store(), of="simulated")}
    wrong = {image_id for image_id, _ in cells(own_home, wrong=True)}
    assert {name for name, reason in kept.items() if reason == "error"} <= wrong
    assert {name for name, reason in kept.items() if reason == "control"}.isdisjoint(wrong)
    assert sorted(kept.values()) == ["control"] * 10 + ["error"] * 10
    assert "**20 cells** of this split in the queue: 20 judged by nobody" in words(page)


def test_show__queues_only_what_is_new(who: Who, own_home: Path) -> None:
    wrong = [image_id for image_id, _ in cells(own_home, wrong=True)]
    queue(*wrong[1:])
    page = opened()
    page.toggle(key="review_controls").set_value(False).run()
    assert "This adds 1 cell to the queue." in words(page)
    press(page, "Put them into the queue")
    assert {i.image_id for i in reviews.items(accounts.store(), of="simulated")} == set(wrong)
    next_one = [b for b in page.button if b.label == "Put them into the queue"]
    assert next_one[0].disabled
    assert "all are in the queue already" in words(page)


def test_show__queues_suspicious_labels(who: Who) -> None:
    page = opened()
    page.segmented_control(key="review_kind").set_value("suspicious").run()
    press(page, "Put them into the queue")
    kept = [item.reason for item in reviews.items(accounts.store(), of="simulated")]
    assert set(kept) == {"suspicious", "control"}
    assert kept.count("suspicious") == kept.count("control")


def test_show__takes_back_what_nobody_has_judged(who: Who, own_home: Path) -> None:
    wrong = [image_id for image_id, _ in cells(own_home, wrong=True)]
    queue(*wrong[:5], by="ada")
    queue(*wrong[5:8], by="bob")
    judge(wrong[0], bob="all")
    press(opened(), "Take back 4 cells that you queued and nobody has judged")
    left = {item.image_id for item in reviews.items(accounts.store(), of="simulated")}
    assert left == {wrong[0], *wrong[5:8]}


def test_show__verdicts_agreement_and_figures(who: Who, own_home: Path) -> None:
    wrong = cells(own_home, wrong=True)
    [control, *_] = cells(own_home, wrong=False)
    queue(*(image_id for image_id, _ in wrong[:5]))
    queue(control[0], reason="control")
    (first, label), (second, other_label), (third, _), (fourth, _), _ = wrong[:5]
    judge(first, ada=other(label), bob=other(label))  # label wrong
    judge(second, ada=other_label, bob=other_label)  # model wrong
    judge(third, ada="all", bob="hem")  # ambiguous
    judge(fourth, ada="bad_picture", bob="unsure")  # bad picture
    judge(control[0], ada=control[1], bob=control[1])
    page = opened()
    text = words(page)
    assert "0 judged by nobody yet" not in text
    assert "1 judged by nobody yet, 0 by one, 5 by two or more" in text
    assert (
        "Of **5 cells** judged by two, the label is wrong in **1** and the model in **1**" in text
    )
    assert "ambiguous 1, bad pictures 1." in text
    assert "3 of 5 (60 %" in text
    assert "Of 1 control judged by two, 0 got another label" in text
    verdicts, pairs, figures, _ = frames(page)
    assert verdicts.set_index("Verdict")["Cells"].to_dict() == {
        title: 0 if name == "open" else 1
        for name, title in agreement.VERDICTS.items()
        if name != "open"
    }
    assert pairs.iloc[:, 1:].to_numpy().sum() == 5
    table = model_folder.read_predictions(own_home / "models" / "simulated")
    test = table[table["split"] == "test"].reset_index(drop=True)
    after = test[test["image_id"] != fourth].copy()
    after.loc[after["image_id"] == first, "label"] = other(label)
    for rows, labels in ((test, "original"), (after, "reviewed")):
        expected = metrics.scores(
            labels=model_evaluation.labels_array(rows),
            probabilities=rows["probability"].to_numpy(),
            threshold=0.5,
        )  # fmt: skip
        shown = figures[figures["Labels"] == labels].set_index("Figure")["Value"]
        assert shown["AUROC"] == f"{expected.auroc:.3f}"
        assert shown["Accuracy"] == f"{expected.accuracy:.3f}"
    for interval in ("Over subjects", "Over cells"):
        assert figures[interval].str.fullmatch(r"\d\.\d{3} to \d\.\d{3}").all()
    assert f"Reviewed: {len(after):,} cells, 1 of them with another label" in text


def test_show__verdicts_follow_the_threshold(who: Who, own_home: Path) -> None:
    [(image_id, _), *_] = [c for c in cells(own_home, wrong=True) if c[1] == "hem"]
    queue(image_id)
    judge(image_id, ada="hem", bob="hem")
    assert "the model in **1**" in words(opened())
    assert "the model in **0**" in words(opened(at=1.0))


def test_show__a_verdict_is_hidden_until_one_has_judged(
    who: Who, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = cells(own_home, wrong=True)
    (mine, _), (theirs, _) = wrong[:2]
    queue(mine, theirs)
    judge(mine, ada="unsure", bob="unsure")
    judge(theirs, bob="unsure", carl="unsure")
    page = opened()
    assert "Judge yours first: the verdicts of 1 cell " in words(page)
    page.segmented_control(key="review_verdict").set_value("ambiguous").run()
    assert "1 to 1 of 1 cell" in words(page)
    found = downloads(page, monkeypatch)
    assert found["Verdicts as CSV"]["image_id"].tolist() == [mine]
    who.name = "bob"
    assert "Judge yours first" not in words(opened())


def test_show__users_get_no_names(
    who: Who, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(image_id, label), *_] = cells(own_home, wrong=True)
    queue(image_id)
    judge(image_id, ada=other(label), bob=other(label))
    found = downloads(opened(), monkeypatch)
    assert "All judgements as CSV" not in found
    [row] = found["Verdicts as CSV"].to_dict("records")
    assert (row["verdict"], row["label"], row["reviewed_label"]) == (
        "label_wrong", label, other(label),
    )  # fmt: skip
    assert row["notice"] == RESEARCH_USE
    assert "bob" not in str(row)


def test_show__administrators_get_all_judgements(
    who: Who, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(image_id, _), *_] = cells(own_home, wrong=True)
    queue(image_id)
    reviews.judge(
        accounts.store(), "bob", of="simulated", image_id=image_id, seen="all", note="=cmd()"
    )
    who.role = "admin"
    found = downloads(opened(), monkeypatch)
    assert "Verdicts as CSV" not in found
    [row] = found["All judgements as CSV"].to_dict("records")
    assert (row["reviewer"], row["seen"], row["queued_by"], row["reason"]) == (
        "bob", "all", "carl", "error",
    )  # fmt: skip
    assert row["note"] == "'=cmd()"
    assert (row["verdict"], row["notice"]) == ("open", RESEARCH_USE)


def test_show__cells_of_other_splits_are_counted_apart(who: Who) -> None:
    queue("of another split")
    judge("of another split", ada="all", bob="all")
    page = opened()
    assert "**0 cells** of this split in the queue" in words(page)
    assert "1 more cell of other splits" in words(page)
    assert not frames(page)


def flagged(note: str, data: bytes = b"cell", by: str = "carl") -> str:
    """Let somebody flag the answer to a picture; gives the id of the queued item."""
    digest = hashlib.sha256(data).hexdigest()
    prediction = Prediction("all", 0.91, 2.3, 0.5)
    given = HistoryAnswer("secret-name.bmp", digest, "simulated", "f" * 64, 1, prediction)
    [number] = history.add(accounts.store(), by, [given], picture_bytes={digest: data})
    flags.flag(accounts.store(), by, number, note)
    return f"upload:{digest}"


def test_show__flagged_answers_stay_out_of_the_verdicts(who: Who, own_home: Path) -> None:
    [(cell, label), *_] = cells(own_home, wrong=True)
    queue(cell)
    item = flagged("dark nucleus")
    for image_id in (cell, item):
        judge(image_id, ada=label, bob=label)
    page = opened()
    assert "**1 cell** of this split in the queue" in words(page)
    assert "1 flagged answer below" in words(page)
    assert "other splits" not in words(page)
    assert "Of **1 cell** judged by two" in words(page)
    [row] = frames(page)[-1].to_dict("records")
    assert row["Note"] == "dark nucleus"
    assert row["Reviewers saw"] == ", ".join([reviews.JUDGEMENTS[label]] * 2)
    assert (row["The model said"], row["Probability of ALL"]) == ("ALL blast", 0.91)
    assert "secret-name" not in frames(page)[-1].to_csv()
    assert "carl" not in frames(page)[-1].to_csv()


def test_show__a_flagged_answer_is_hidden_until_one_has_judged(who: Who) -> None:
    stored.create(accounts.store(), username="boss", display_name="B", password=None, role="admin")
    admin_settings.change(accounts.store(), "boss", {"keep_pictures": True})
    item = flagged("dark nucleus")
    page = opened()
    assert "1 picture that you may still judge: not shown to you" in words(page)
    assert not frames(page)
    judge(item, ada="hem")
    assert list(frames(page.run())[-1]["Reviewers saw"]) == ["normal"]
    who.name = "carl"  # who flagged it knows the answer anyway
    assert list(frames(opened())[-1]["Picture"]) == ["kept"]


def test_show__a_flagged_answer_whose_picture_was_not_kept(who: Who) -> None:
    flagged("dark nucleus")
    page = opened()
    assert "not shown to you" not in words(page)
    assert list(frames(page)[-1]["Picture"]) == ["not kept"]


def test_show__flagged_answers_are_not_taken_back_from_here(who: Who) -> None:
    who.name = "carl"
    flagged("dark nucleus")
    page = opened()
    assert not [button for button in page.button if button.label.startswith("Take back")]
