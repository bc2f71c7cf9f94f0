"""A file in a notebook: a path among the parameters, read when the notebook is run."""

from __future__ import annotations

from ..call import CutUpload, Upload
from ..snippets import literal
from .parameters import Parameters
from .source import Expression
from .steps import Step

_SHORT = 1000
"""Bytes of a text file that stand in the notebook itself."""


def file_source(value: bytes | Upload, field: str, step: Step, parameters: Parameters) -> Expression:
    """What gives a file again: of a short text the text itself, of all else what the path in a parameter leads to.

    Args:
        value: the file.
        field: the name of the field that it is the value of; empty where it is the whole body.
        step: the step that sends it.
        parameters: where the path becomes one.
    """
    upload = value if isinstance(value, Upload) else Upload("", value)
    name = upload.name or field or "file"
    content = _short_text(upload)
    if content is None:
        wanted = f"{field}_file" if field and not field.endswith("file") else field or "file"
        about = f"The file that {step.operation.id} sends, as a path."
        content = f"Path({parameters.name_for(name, wanted, step.name.partition('_')[2], about)}).read_bytes()"
    if not isinstance(value, Upload):
        return Expression(content)
    told = [literal(name), content, *([literal(upload.media_type)] if upload.media_type else [])]
    return Expression(f"anb.Upload({', '.join(told)})")


def _short_text(upload: Upload) -> str | None:
    """What a file holds as source, where that is a short text; None for all else."""
    if isinstance(upload, CutUpload) or upload.size > _SHORT:
        return None
    try:
        text = upload.content.decode()
    except UnicodeDecodeError:
        return None
    return f"{literal(text)}.encode()" if all(c.isprintable() or c in "\r\n\t" for c in text) else None
