"""What a local Pique makes is its user's alone, and what it starts spoils nothing outside its folder."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def usual_umask():
    """Of most machines: everybody may read new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> dict[str, str]:
    modes = {path: path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")]}
    return {str(path.relative_to(folder)): oct(mode) for path, mode in modes.items() if mode & 0o077}


def test_every_file_and_folder_is_its_users_alone(tmp_path, start_pique, clip, eventually):
    folder = tmp_path / "new" / "pique"
    with start_pique(folder) as pique:
        # Content that waits for its evaluation lies there until it is done.
        pique.stop_worker()
        pique.submit(clip)
        reference = pique.http.post("/v1/judges/reference_content", json={"file_extension": "png"}).json()
        assert pique.storage.put(reference["upload_url"], content=b"a picture").status_code == 200
        assert {path.name for path in folder.iterdir()} >= {"pique.sqlite3", "pique.sqlite3-wal", "server.log", "port"}
        assert list((folder / "content").iterdir()) and list((folder / "reference_content").iterdir())
        assert open_to_others(folder) == {}


def test_what_an_earlier_server_left_open_is_closed_and_nothing_else_is_touched(tmp_path, start_pique):
    with start_pique(tmp_path):
        pass
    own = [path for path in tmp_path.rglob("*") if path.name != "incoming"]
    for path in own:
        path.chmod(0o755 if path.is_dir() else 0o644)
    (tmp_path / "script.sh").write_text("#!/bin/sh\n")
    (tmp_path / "script.sh").chmod(0o755)
    tmp_path.chmod(0o755)
    with start_pique(tmp_path):
        assert set(open_to_others(tmp_path)) == {".", "script.sh"}


_LATE = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from pique_assets.local.download_child import download
    from pique_assets.local.network_guard import NetworkGuard
    from pique_assets.local.orders import DownloadOrder
    folder, modules = Path(sys.argv[1]), sys.argv[2]
    order = DownloadOrder(url="http://127.0.0.1:1/v.mp4", folder=folder, max_bytes=100, silence_s=1)
    assert download(order, guard=NetworkGuard(allowed=[])).reason
    sys.path.insert(0, modules)
    import late
    """
)


@pytest.mark.slow
def test_a_module_that_is_imported_during_a_download_is_not_kept_half(tmp_path):
    """No file may grow beyond the largest video: not even what Python keeps of the modules it compiles."""
    for name in ("folder", "modules"):
        (tmp_path / name).mkdir()
    (tmp_path / "modules" / "late.py").write_text("\n".join(f"value_{number} = {number}" for number in range(1000)))
    command = [sys.executable, "-c", _LATE, tmp_path / "folder", tmp_path / "modules"]
    for _ in range(2):
        subprocess.run(command, check=True, timeout=120, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    assert [path.name for path in (tmp_path / "modules").iterdir()] == ["late.py"]
