"""What the project's texts point to is there: a reader finds every file, page and module that is named.

Belongs here: comments, docstrings, messages and pages. Does not: whether what they say of it is true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FOLDERS = ("pique_assets", "tests", "docs", "benchmarks", "examples", "resources", "notebooks")
SUFFIXES = (".py", ".md", ".ipynb", ".yaml", ".toml")
PAGES = [PROJECT / "README.md", *sorted(PROJECT.glob("docs/*.md")), *sorted(PROJECT.glob("examples/**/*.md"))]

# In parts, so that this file does not say what it refuses.
ABSENT = {
    "a section of a design": ("design", r"(?:sections?|document|\.md)"),
    "a section by its number": (r"(?<!\w)sections?", r"\d"),
    "a document elsewhere": ("seed", "documents?"),
    "a text elsewhere": (r"\bthe", r"contract(?:'s\b|\s+(?:has|says|shows|documents))"),
    "a trap of a text elsewhere": (r"\bcontract", r"traps?\b"),
    "a trap without its page": (r"(?<!contract\.md, )\btraps?", r"\d"),
    "an issue by its number": (r"\bissue", r"#?\d"),
    "a case by its number": (r"\bcase", r"#?\d+\b"),
}
PATH = re.compile(rf"(?<![\w./-])((?:{'|'.join(FOLDERS)})/[\w./-]*\.(?:py|md|json|yaml|toml|ipynb))\b")
TEST_FILE = re.compile(r"(?<![\w/])(test_\w+\.py)\b")
MODULE = re.compile(r"`(pique_assets(?:\.\w+)+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def texts() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.suffix in SUFFIXES and ".pique" not in path.parts:
                yield path
    yield from (PROJECT / name for name in ("README.md", "Makefile", "pyproject.toml", "definitions.py"))


def in_one_line(path: Path) -> str:
    """A text without its line breaks, so that what is wrapped is found as well."""
    return re.sub(r"\s*\n\s*(?:# )?", " ", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("what", ABSENT)
def test_no_text_cites_what_is_not_in_the_repository(what):
    pattern = re.compile(r"\s+".join(ABSENT[what]), re.IGNORECASE)
    found = [
        f"{path.relative_to(PROJECT)}: {text[max(0, match.start() - 40) : match.end() + 10]}"
        for path in texts()
        for text in [in_one_line(path)]
        for match in pattern.finditer(text)
    ]
    assert found == [], f"{len(found)} texts cite {what}"


def test_every_file_that_is_named_exists():
    tests = {path.name for path in PROJECT.glob("tests/**/*.py")}
    missing = {
        (str(path.relative_to(PROJECT)), name)
        for path in texts()
        for text in [path.read_text(encoding="utf-8")]
        for name in (
            *(name for name in PATH.findall(text) if not (PROJECT / name).exists()),
            *(name for name in TEST_FILE.findall(text) if name not in tests),
        )
    }
    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_script_that_a_page_names_exists(page):
    """By the end of its path: a page says `evaluation/limits.py` of the package's module."""
    scripts = [
        f"/{path.relative_to(PROJECT).as_posix()}" for folder in FOLDERS for path in PROJECT.glob(f"{folder}/**/*.py")
    ]
    scripts.append("/definitions.py")
    named = re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not any(script.endswith(f"/{name}") for script in scripts)] == []


def test_every_module_that_is_named_exists():
    missing = {
        (str(path.relative_to(PROJECT)), name)
        for path in texts()
        for name in MODULE.findall(path.read_text(encoding="utf-8"))
        if not is_there(name)
    }
    assert missing == set()


def is_there(name: str) -> bool:
    """Whether it is a module, or a name in one."""
    module = PROJECT.joinpath(*name.split("."))
    if module.is_dir() or module.with_suffix(".py").exists():
        return True
    files = (module.parent.with_suffix(".py"), module.parent / "__init__.py")
    return any(re.search(rf"\b{module.name}\b", file.read_text()) for file in files if file.exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_of_a_page_leads_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"https?://", link):
            continue
        name, _, heading = link.partition("#")
        target = page if name == "" else page.parent / name
        assert target.exists(), link
        if heading:
            headings = HEADING.findall(target.read_text(encoding="utf-8"))
            assert heading in {anchor(one) for one in headings}, link


def anchor(heading: str) -> str:
    """As the sites that show Markdown name it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
