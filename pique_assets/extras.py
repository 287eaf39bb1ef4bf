"""The extras of this package: what each is for, and which of its modules are not installed.

Belongs here: the list, and the sentence that names a missing extra. Does not: importing any of the modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """An extra, as `pip install 'pique_assets[name]'` has it.

    Attributes:
        purpose: What needs it, to be followed by "needs".
        modules: What is imported of it.
    """

    purpose: str
    modules: tuple[str, ...]

    def missing(self) -> list[str]:
        """Those of its modules that are not installed."""
        return [name for name in self.modules if find_spec(name) is None]


EXTRAS: Final = {
    "local": Extra(
        purpose="the local Pique",
        modules=("av", "cryptography", "numpy", "pi_heif", "PIL", "starlette", "uvicorn", "yt_dlp"),
    ),
    "local-ocr": Extra(purpose="reading text in pictures", modules=("cv2", "onnxruntime", "rapidocr")),
    "local-speech": Extra(
        purpose="finding speech and its language", modules=("ctranslate2", "faster_whisper", "huggingface_hub")
    ),
    "webhooks": Extra(purpose="the receiver of webhooks", modules=("starlette", "uvicorn")),
    "gcs": Extra(purpose="media or a lake at gs://", modules=("gcsfs", "dagster_gcp")),
    "postgres": Extra(purpose="a ledger in Postgres", modules=("psycopg",)),
    "analysis": Extra(purpose="analysis in a notebook", modules=("duckdb", "matplotlib")),
}
"""Every extra by its name."""


class ExtraMissing(ImportError):
    """An extra of this package is not installed; the text names the extra and the command that installs it."""

    def __init__(self, extra: str, *modules: str) -> None:
        super().__init__(
            f"{EXTRAS[extra].purpose} needs {', '.join(modules)}, which is not installed: "
            f"pip install 'pique_assets[{extra}]'",
            name=modules[0],
        )


def require_extra(name: str) -> None:
    """Say in one sentence that an extra has to be installed, before an import of its modules fails.

    Raises:
        ExtraMissing: One of its modules is not installed.
    """
    if missing := EXTRAS[name].missing():
        raise ExtraMissing(name, *missing)
