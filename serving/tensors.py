"""Which values does a tensor of the Open Inference Protocol hold? Its JSON `data`, or its share of the binary tail.

A column is a tensor [n] or [n, 1]. BYTES elements are UTF-8; in the binary form each has its length before it, as
four little-endian bytes (the binary tensor data extension of Triton).
"""

import struct
from typing import Any

import msgspec
import numpy as np

from serving.columns import Values, kind
from serving.refusal import Refusal, shown

NUMPY = {
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
}  # fmt: skip
FLOATS = ("FP32", "FP64", "FP16")
INTEGERS = {name: np.iinfo(code) for name, code in NUMPY.items() if name not in FLOATS}
NUMBERS = tuple(NUMPY)
TEXTS = ("BYTES",)
KEYS = ("BYTES", *INTEGERS)  # an entity may be a number or a text


class Tensor(msgspec.Struct, kw_only=True):
    """An input of a request. Fields beyond these are other extensions' and are left alone."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] | None = None


def rows(tensor: Tensor) -> int:
    """The first dimension of [n] or [n, 1]."""
    shape = tensor.shape
    if (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)) and shape[0] >= 0:
        return shape[0]
    raise Refusal(
        "wrong_shape", f"input '{tensor.name}': shape {shown(shape)}, expected [n] or [n, 1]", field=tensor.name,
        value=shape, limit="[n] or [n, 1]",
    )  # fmt: skip


def wrong_datatype(tensor: Tensor, accepted: tuple[str, ...]) -> Refusal:
    """A datatype that the column does not take."""
    return Refusal(
        "wrong_type", f"input '{tensor.name}': datatype {tensor.datatype[:20]}, expected one of {', '.join(accepted)}",
        field=tensor.name, value=tensor.datatype, limit=list(accepted),
    )  # fmt: skip


def from_json(tensor: Tensor, count: int) -> Values:
    """The values of `data`, flat or nested as the shape is."""
    values = tensor.data
    if values is None:
        raise Refusal("wrong_format", f"input '{tensor.name}': neither data nor binary_data_size", field=tensor.name)
    if values and type(values[0]) is list:
        values = flat(tensor, values)
    if len(values) != count:
        raise Refusal(
            "wrong_shape", f"input '{tensor.name}': {len(values)} values, shape {tensor.shape} means {count}",
            field=tensor.name, value=len(values), limit=count,
        )  # fmt: skip
    if tensor.datatype in INTEGERS:
        whole(tensor, values)
    return values


def flat(tensor: Tensor, values: Values) -> Values:
    """The values of [[v], [v], ...]."""
    for row, value in enumerate(values):
        if type(value) is not list or len(value) != 1:
            raise Refusal(
                "wrong_shape", f"input '{tensor.name}', row {row}: not an array of one value, as row 0 is",
                field=tensor.name, row=row, value=value, limit="[n] or [n, 1]",
            )  # fmt: skip
    return [value[0] for value in values]


def whole(tensor: Tensor, values: Values) -> None:
    """Refuse what is no integer of the tensor's datatype; null and other types are the column's own matter."""
    limits = INTEGERS[tensor.datatype]
    for row, value in enumerate(values):
        if type(value) is float or (type(value) is int and not limits.min <= value <= limits.max):
            raise Refusal(
                "wrong_type", f"input '{tensor.name}', row {row}: {value:.9g} is no {tensor.datatype}",
                field=tensor.name, row=row, value=value, limit={"minimum": int(limits.min), "maximum": int(limits.max)},
            )  # fmt: skip


def binary_size(tensor: Tensor) -> int | None:
    """How many bytes of the binary tail belong to this tensor, or None when its data is in the JSON."""
    parameters = tensor.parameters or {}
    if "shared_memory_region" in parameters:
        raise Refusal(
            "wrong_format", f"input '{tensor.name}': shared memory is not supported: send the data", field=tensor.name,
            value="shared_memory_region",
        )  # fmt: skip
    size = parameters.get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0 or tensor.data is not None:
        problem = "both data and binary_data_size" if tensor.data is not None else f"binary_data_size is {kind(size)}"
        raise Refusal("wrong_format", f"input '{tensor.name}': {problem}", field=tensor.name, value=size)
    return size


def from_binary(tensor: Tensor, count: int, content: bytes) -> Values:
    """The values in a tensor's share of the binary tail."""
    if tensor.datatype == "BYTES":
        return texts(tensor, count, content)
    code = np.dtype(NUMPY[tensor.datatype])
    if len(content) != count * code.itemsize:
        raise wrong_size(tensor, len(content), count * code.itemsize)
    return np.frombuffer(content, dtype=code).tolist()


def texts(tensor: Tensor, count: int, content: bytes) -> Values:
    """The strings of a BYTES tensor."""
    values: Values = []
    position = 0
    while position < len(content):
        end = position + 4
        end += struct.unpack_from("<I", content, position)[0] if end <= len(content) else 0
        if end > len(content) or len(values) == count:
            raise wrong_size(tensor, len(content), f"{count} elements, each with its length before it")
        try:
            values.append(content[position + 4 : end].decode())
        except UnicodeDecodeError:
            raise Refusal(
                "wrong_type", f"input '{tensor.name}', row {len(values)}: not UTF-8", field=tensor.name,
                row=len(values), value=content[position + 4 : end], limit="UTF-8",
            ) from None  # fmt: skip
        position = end
    if len(values) != count:
        raise wrong_size(tensor, len(content), f"{count} elements, each with its length before it")
    return values


def wrong_size(tensor: Tensor, found: int, expected: object) -> Refusal:
    """A share of the binary tail that the shape contradicts."""
    return Refusal(
        "wrong_shape", f"input '{tensor.name}': {found} bytes of binary data, shape {tensor.shape} of "
        f"{tensor.datatype} means {expected}", field=tensor.name, value=found, limit=expected,
    )  # fmt: skip


def pack(values: list[str]) -> bytes:
    """Strings as the binary form of a BYTES tensor."""
    encoded = [value.encode() for value in values]
    return b"".join(struct.pack("<I", len(value)) + value for value in encoded)
