"""Generate `config/config.schema.json` and `config/README.md` from the models (`make docs`)."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fringeflow.config import cluster, collections, interferograms, learning, models, tables

SECTIONS: list[tuple[str, type[BaseModel]]] = [
    ("The whole configuration", models.Config),
    ("`catalogue`", models.Catalogue),
    ("`mirrors` (a list)", models.Mirror),
    ("`download`", models.Download),
    ("`simulation`", models.Simulation),
    ("`prepare`", interferograms.Prepare),
    ("`tilings.{name}`", interferograms.Tiling),
    ("`tilings.{name}.label`", interferograms.LabelRule),
    ("`spectrogram`", interferograms.Spectrogram),
    ("`collections.{name}` with `kind: simulated`", collections.SimulatedGathers),
    ("`collections.{name}` with `kind: recordings`", collections.Recordings),
    ("`collections.{name}` with `kind: fdsn`", collections.Fdsn),
    ("`collections.{name}` with `kind: pictures`", collections.Pictures),
    ("`collections.{name}.gather`", collections.Gather),
    ("`collections.{name}.spectrogram`", collections.Stft),
    ("`datasets.{name}`", models.Dataset),
    ("`datasets.{name}.split` with `method: stratified`", models.StratifiedSplit),
    ("`datasets.{name}.split` with `method: given`", models.GivenSplit),
    ("`datasets.{name}.split` with `method: folders`", models.FolderSplit),
    ("`models.{name}`", learning.Model),
    ("`models.{name}.training`", learning.TrainingChanges),
    ("`models.{name}.stages` (a list)", learning.Stage),
    ("`models.{name}.tune`", learning.Tune),
    ("`models.{name}.tune.space.{name}`", learning.Range),
    ("`strategies.{name}`", learning.Strategy),
    ("`training`", learning.Training),
    ("`evaluation`", models.Evaluation),
    ("`curation`", models.Curation),
    ("`learning_curve`", models.LearningCurve),
    ("`study`", models.Study),
    ("`gallery`", models.Gallery),
    ("`pretraining.{name}`", models.Pretraining),
    ("`detect`", models.Detect),
    ("`score`", models.Score),
    ("`dask`", cluster.Dask),
]
TABLES: list[tuple[str, type[BaseModel]]] = [("`events.tsv`", tables.Event), ("`interferograms.tsv`", tables.Interferogram)]

HEAD = """# Configuration

Generated from the models in `workflow/scripts/fringeflow/config/` by `make docs`; do not edit by hand.

`config.yaml` is the embedded default. Your own settings go into a small overlay that names only what differs:

```sh
snakemake --cores 4 --configfile config/mine.yaml
```

Mappings are merged key by key, lists are replaced. An unknown key, a wrong value or an impossible combination is
refused before any job starts, and all problems are told at once. `config.schema.json` lets an editor check while
you type. Presets beside this file: see the comment at the top of each `.yaml`.

An overlay of somebody else's can run code before Fringeflow sees it (Snakemake's `__use_yte__`): read it first, as you would a script.
"""


def schema() -> dict[str, Any]:
    """Return the JSON schema of the configuration."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **models.Config.model_json_schema()}


def _default(info: FieldInfo) -> str:
    """Write a field's default for the table."""
    value = info.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel) or (isinstance(value, dict) and any(isinstance(item, BaseModel) for item in value.values())):
        return "see below"
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        return "; ".join(f"`{item.layout}` `{item.root}`" for item in value)
    return f"`{json.dumps(value)}`" if value != "" else "empty"


def _type(model: type[BaseModel], name: str) -> str:
    """Write a field's type, with its limits, for the table."""
    spec = model.model_json_schema()
    return _type_of(spec["properties"][name], spec.get("$defs", {}))


def _type_of(spec: dict[str, Any], defs: dict[str, Any]) -> str:
    if "$ref" in spec:
        return "section"
    if "const" in spec:
        return f"`{spec['const']}`"
    if "enum" in spec:
        return " or ".join(f"`{value}`" for value in spec["enum"])
    for union in ("anyOf", "oneOf"):
        if union in spec:
            return " or ".join(dict.fromkeys(_type_of(part, defs) for part in spec[union]))
    if "prefixItems" in spec:
        return f"list of {len(spec['prefixItems'])}, each {_type_of(spec['prefixItems'][0], defs)}"
    if spec.get("type") == "array":
        return f"list of {_type_of(spec['items'], defs)}"
    if spec.get("type") == "object":
        values = [*spec.get("patternProperties", {}).values(), spec.get("additionalProperties")]
        return f"mapping of names to {_type_of(next(value for value in values if isinstance(value, dict)), defs)}"
    names = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false", "null": "null"}
    text = names.get(spec.get("type", ""), "value")
    if spec.get("format"):
        text = {"date-time": "date and time", "time": "time"}.get(spec["format"], spec["format"])
    words = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    limits = [f"{sign} {spec[word]:g}" for word, sign in words.items() if word in spec]
    return f"{text} {', '.join(limits)}".strip()


def readme() -> str:
    """Return the text of `config/README.md`."""
    parts = [HEAD]
    for title, model in SECTIONS:
        parts += [f"## {title}\n", (model.__doc__ or "") + "\n", "| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        for name, info in model.model_fields.items():
            parts.append(f"| `{name}` | {_type(model, name)} | {_default(info)} | {info.description or ''} |")
        parts.append("")
    for title, model in TABLES:
        parts += [f"## {title}\n", (model.__doc__ or "") + " Tab-separated; optional columns may be left out.\n"]
        parts += ["| column | type | needed | meaning |", "| --- | --- | --- | --- |"]
        for name, info in model.model_fields.items():
            needed = "yes" if info.is_required() else "no"
            parts.append(f"| `{name}` | {_type(model, name)} | {needed} | {info.description or ''} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def generated() -> dict[str, str]:
    """Return every generated file: its name in `config/` and its text."""
    return {"config.schema.json": json.dumps(schema(), indent=1) + "\n", "README.md": readme()}


def main() -> None:
    """Write the generated files into the folder given, `config` by default."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "config")
    for name, text in generated().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
