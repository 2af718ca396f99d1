"""Is this JSON, and of the right form? One place turns msgspec's errors into refusals."""

import re
from typing import TypeVar

import msgspec

from serving.refusal import Refusal, shown

T = TypeVar("T")

PLACE = re.compile(r"^(?P<problem>.*) - at `(?P<place>.*)`$", re.DOTALL)
STRING_OR_NAN = re.compile(rb'"(?:[^"\\]|\\.)*"|NaN')


def decode(decoder: "msgspec.json.Decoder[T]", content: bytes) -> T:
    """The value in `content`. Raises Refusal: broken JSON, or the path of what has the wrong form.

    NaN is no JSON, but Python's `json` and with it MLflow's client write it for a missing number: it reads as null.
    """
    try:
        return strictly(decoder, content)
    except Refusal:
        if b"NaN" not in content:
            raise
        without = STRING_OR_NAN.sub(lambda match: b"null" if match[0] == b"NaN" else match[0], content)
        return strictly(decoder, without)


def strictly(decoder: "msgspec.json.Decoder[T]", content: bytes) -> T:
    """The value in `content`, which must be JSON."""
    try:
        return decoder.decode(content)
    except msgspec.ValidationError as error:
        raise wrong_form(str(error)) from None
    except msgspec.DecodeError as error:
        raise broken(str(error)) from None
    except UnicodeDecodeError as error:
        raise broken(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise broken("it is nested too deeply") from None
    except ValueError as error:  # an integer of thousands of digits
        raise broken(str(error)) from None


def broken(problem: str) -> Refusal:
    """The body is no JSON."""
    hint = "; write a missing value as null" if "invalid character" in problem else ""
    return Refusal("broken_body", f"the body is no valid JSON: {problem}{hint}", field="body")


def wrong_form(problem: str) -> Refusal:
    """msgspec's message, with the path as the field."""
    match = PLACE.match(problem)
    place = match["place"] if match else "$"
    return Refusal("wrong_format", f"{place}: {shown(match['problem'] if match else problem)}", field=place)
