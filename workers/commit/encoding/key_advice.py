"""What the key of a message looks like, and what to do where that is not what the settings say; pure."""

from __future__ import annotations

from avro_schemas.avro.message_format import Look, look_of_headers, look_of_key
from workers.contract.batch import Batch

#: What a key that looks so is most often written for.
_FORMATS = {
    "int": "int",
    "long": "long",
    "registry": "avro",
    "json": "json",
    "envelope": "json_schema",
    "struct": "connect_struct",
}
#: Looks of keys that are of some format.
_OF_FORMATS = {"text", "empty", *_FORMATS}
#: What the producer may do about keys that no format is for; about all others, what their look says.
_WITHOUT_FORMAT = {
    "null": "",
    "controls": "",
    "binary": "",
    "uuid": "",
    "xml": "",
    "newline": "let the producer leave the newline away",
    "mark": "let the producer leave the mark away",
}
_OTHER_KEY = 'no key_format does. Is the topic keyed by something else than `key`? Then tombstones = "ignore" is for it'


def key_look(batch: Batch, index: int) -> Look:
    """What the key of a message looks like, by its headers and its bytes."""
    return look_of_headers(batch.headers.get(index) or (), "key") or look_of_key(batch.keys[index])


def advice_for(look: Look, fitting: str) -> str:
    """About a key that is not that of its row, but would be by the key format `fitting`; "" if it is by none."""
    return f'set key_format = "{fitting}"' if fitting else _help(look) or _OTHER_KEY


def guess(look: Look, key_format: str) -> str:
    """About a key that looks so and is none by this format, as far as its look tells: the end of a sentence, or ""."""
    fits = _FORMATS.get(look.kind)
    if fits and fits != key_format:
        return f'; set key_format = "{fits}"?'
    return f"; {_help(look)}" if _help(look) else ""


def _help(look: Look) -> str:
    return "" if look.kind in _OF_FORMATS else _WITHOUT_FORMAT.get(look.kind, look.hint)
