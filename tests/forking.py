"""Child processes forked from one that has imported the libraries, and nothing of allcore.

A fork has run nothing of the program; it lacks only the seconds in which Python reads PyTorch and
Streamlit from the disk.
"""

import multiprocessing

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "streamlit.web.cli", "streamlit.web.bootstrap", "streamlit_authenticator", "altair",
        "pandas", "pyarrow.parquet", "plotly.graph_objects", "PIL.Image", "scipy.stats",
        "scipy.ndimage", "skimage.segmentation", "sklearn.metrics", "sqlalchemy.orm", "psycopg",
        "alembic.command", "bcrypt", "torch", "torchvision.transforms.v2", "safetensors.torch",
        "pytest",
    ]
)  # fmt: skip
