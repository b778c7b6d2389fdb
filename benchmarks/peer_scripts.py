"""Scripts that run the peers on a folder of pictures, each in its own environment.

Each script takes a folder with ``cells.csv`` (columns path and part) and ``embeddings.npy`` in the
same order, and prints one JSON object last: kinds of findings by our names, as lists of groups of
file names or of file names alone.
"""

CLEANVISION = """import contextlib, json, os, sys
import pandas as pd
from cleanvision import Imagelab
table = pd.read_csv(os.path.join(sys.argv[1], "cells.csv"))
lab = Imagelab(filepaths=table["path"].tolist())
with contextlib.redirect_stdout(sys.stderr):
    lab.find_issues(n_jobs=1, verbose=False)
name = os.path.basename
def sets(kind):
    return [[name(each) for each in group] for group in lab.info[kind]["sets"]]
def flagged(column):
    return [name(each) for each in lab.issues.index[lab.issues[column]]]
print(json.dumps({
    "exact_duplicate": sets("exact_duplicates"), "near_duplicate": sets("near_duplicates"),
    "blurred": flagged("is_blurry_issue"), "dark": flagged("is_dark_issue"),
}))
"""
FIFTYONE = """import contextlib, json, os, sys
import numpy as np
import pandas as pd
with contextlib.redirect_stdout(sys.stderr):
    import fiftyone as fo
    import fiftyone.brain as brain
    table = pd.read_csv(os.path.join(sys.argv[1], "cells.csv"))
    vectors = np.load(os.path.join(sys.argv[1], "embeddings.npy"))
    data = fo.Dataset()
    data.add_samples(
        [fo.Sample(filepath=p, tags=[t]) for p, t in zip(table["path"], table["part"])],
        progress=False,
    )
    names = {key: os.path.basename(path) for key, path in zip(*data.values(["id", "filepath"]))}
    exact = brain.compute_exact_duplicates(data, num_workers=1, progress=False)
    near = brain.compute_near_duplicates(data, embeddings=vectors).neighbors_map
    leaks = brain.compute_leaky_splits(data, splits=["train", "test"], embeddings=vectors)
    leaking = [os.path.basename(path) for path in leaks.leaks_view().values("filepath")]
    data.delete()
print(json.dumps({
    "exact_duplicate": [[names[k], *(names[e] for e in found)] for k, found in exact.items()],
    "near_duplicate": [[names[k], names[e]] for k, found in near.items() for e, _ in found],
    "leak": leaking,
}))
"""
LIGHTLY = """import importlib.util, json, pathlib, re
root = pathlib.Path(importlib.util.find_spec("lightly_studio").origin).parent
names = [
    f"{path.relative_to(root)}: {name}"
    for path in sorted(root.rglob("*.py")) if "migrations" not in path.parts
    for name in re.findall(r"^(?:def|class) (\\w+)", path.read_text(), flags=re.MULTILINE)
    if re.search(r"duplicat|mistak|mislabel|leak|blur|dark", name, flags=re.IGNORECASE)
]
print(json.dumps(names))
"""
"""Functions and classes of LightlyStudio whose name speaks of any of these findings."""
