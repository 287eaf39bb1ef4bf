"""What the site adds to the pages on disk: tables, fields of YAML, API reference, words for links that leave `docs/`.

Belongs here: hooks of mkdocs. Does not: texts; each stands in its page or in the code that it describes.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pique_assets import PiqueEvaluations, lake as lake_room

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

DOCS = Path(__file__).parent
TABLES_HERE = "<!-- tables -->"
FRONT_DOOR_HERE = "<!-- front door -->"
YAML_HERE = "<!-- yaml -->"
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#]*)(#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Write what is generated into a page, as mkdocs asks before it reads the page."""
    if TABLES_HERE in markdown:
        markdown = markdown.replace(TABLES_HERE, "\n".join(data_dictionary()))
    if YAML_HERE in markdown:
        markdown = markdown.replace(YAML_HERE, "\n".join(yaml_fields()))
    if FRONT_DOOR_HERE in markdown:
        markdown = markdown.replace(FRONT_DOOR_HERE, "\n".join(front_door()))
    return _without_links_to_files(markdown, page=Path(page.file.src_uri))


def data_dictionary() -> Iterator[str]:
    """Markdown about every table, from its declaration."""
    for table in lake_room.TABLES.values():
        yield f"\n## {table.name}\n\n{table.doc}\n"
        yield f"Rows of a file are sorted by `{'`, `'.join(table.key)}`, which identify a row.\n"
        yield "| column | type | meaning |\n| --- | --- | --- |"
        for field in table.schema:
            null = "" if field.nullable else ", never null"
            meaning = lake_room.COLUMN_DOCS[table.name][field.name].replace("|", "\\|")
            yield f"| `{field.name}` | {field.type}{null} | {meaning} |"


# Where a part of the YAML stands, by the name that its model has in the schema.
YAML_PARTS = {
    "EvaluationModel": "evaluations:",
    "LimitsModel": "evaluations: limits:",
    "BudgetModel": "evaluations: budget:",
    "SensorModel": "sensor:",
    "PiqueModel": "pique:",
    "ExecutorModel": "executor:",
}


def yaml_fields() -> Iterator[str]:
    """Markdown about every field of `defs.yaml`, from the schema of the component."""
    schema = PiqueEvaluations.model().model_json_schema()
    parts = {"attributes:": schema} | {where: schema["$defs"][f"{name}Model"] for name, where in YAML_PARTS.items()}
    for where, part in parts.items():
        yield f"\n## `{where}`\n\n| field | default | what it is |\n| --- | --- | --- |"
        required = part.get("required", ())
        for name, field in part["properties"].items():
            default = "to be given" if name in required else _in_yaml(field.get("default"))
            meaning = field["description"].replace("|", "\\|")
            yield f"| `{name}` | {default} | {meaning} |"


def _in_yaml(default: object) -> str:
    return "" if default is None else f"`{json.dumps(default)}`"


def front_door() -> Iterator[str]:
    """What mkdocstrings turns into the reference: each public name by the module that defines the name."""
    for node in ast.walk(ast.parse((DOCS.parent / "pique_assets" / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.names[0].asname:
            yield from (f"## {alias.name}\n\n::: {node.module}.{alias.name}\n" for alias in node.names)


def _without_links_to_files(markdown: str, *, page: Path) -> str:
    """Name files of the repository where a page links to them: readers of the repository can follow, the site can't.

    Raises:
        FileNotFoundError: There is no such file.
    """

    def named(match: re.Match[str]) -> str:
        target = (DOCS / page.parent / match[2]).resolve()
        if target.is_relative_to(DOCS):
            return match[0]
        if not target.exists():
            raise FileNotFoundError(f"docs/{page} links to {match[2]}, which is not there")
        return match[1]

    return _LINK.sub(named, markdown)
