"""Which bytes did a request bring? Media type, encoding and size, before anything is parsed."""

import zlib
from http import HTTPStatus

from serving.refusal import Refusal

JSON = "application/json"
CSV = "text/csv"
BINARY = "application/octet-stream"
ENCODINGS = {"gzip": 31, "deflate": 15}  # zlib's window bits; "deflate" of HTTP is zlib's format


def media_type(header: str, accepted: tuple[str, ...]) -> str:
    """The media type of a request among `accepted`; the first of them when none is given. Raises Refusal (415)."""
    if not header:
        return accepted[0]
    kind, _, parameters = header.partition(";")
    kind = kind.strip().lower()
    if kind not in accepted:
        raise unsupported("content-type", header, list(accepted))
    for parameter in filter(None, (part.strip().lower() for part in parameters.split(";"))):
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise unsupported("content-type", header, "charset=utf-8")
    return kind


def unsupported(field: str, value: str, limit: object) -> Refusal:
    """415, with what is supported."""
    return Refusal(
        "content_type" if field == "content-type" else "content_encoding", f"header '{field}': not supported here",
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, field=field, value=value, limit=limit,
    )  # fmt: skip


def too_large(size: int | None, limit: int) -> Refusal:
    """413; `size` is None when the rest was not read."""
    return Refusal(
        "too_many_bytes", f"{'more' if size is None else size} bytes, {limit} are allowed: split the batch",
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, field="body", value=size, limit=limit,
    )  # fmt: skip


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its content encoding, which must not grow beyond `limit` bytes."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ENCODINGS:
        raise unsupported("content-encoding", encoding, [*ENCODINGS, "identity"])
    unpacker = zlib.decompressobj(ENCODINGS[encoding])
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise Refusal("broken_body", f"the body is not {encoding}", field="content-encoding", value=encoding) from None
    if len(content) > limit:
        raise too_large(None, limit)
    if not unpacker.eof:
        raise Refusal("broken_body", f"the {encoding} body is cut off", field="content-encoding", value=encoding)
    return content
