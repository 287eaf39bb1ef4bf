"""What importing the room costs."""

from __future__ import annotations

import subprocess
import sys


def test_naming_a_source_imports_the_standard_library_alone():
    program = (
        "import sys; before = set(sys.modules)\n"
        "from pique_assets.media import DatedFolder, Manifest, SocialUrls, inventory, open_content, open_source\n"
        "DatedFolder('gs://bucket/media'); Manifest('list.csv'); SocialUrls('urls')\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - sys.stdlib_module_names - {'pique_assets'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_local_media_never_imports_google(tmp_path):
    program = (
        "import datetime as dt, sys; from pathlib import Path\n"
        "from pique_assets.media import DatedFolder, inventory, open_source\n"
        f"day = Path({str(tmp_path)!r}, '2026-03-02'); day.mkdir()\n"
        "day.joinpath('a.mp4').write_bytes(bytes.fromhex('00000018') + b'ftypmp42')\n"
        "print([item.is_ready for item in inventory(open_source(DatedFolder(day.parent)), date=dt.date(2026, 3, 2))])\n"
        "print([name for name in ('google.cloud', 'pandas', 'pyarrow', 'av') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[True]", "[]"]
