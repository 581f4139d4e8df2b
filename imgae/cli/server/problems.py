"""Errors as answers: application/problem+json (RFC 9457), with one sentence."""

import http
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from imgae.cli.server.pictures import NoPictureError
from imgae.cli.server.store import FullError, MissingError
from imgae.errors import ImageTooLargeError, ImgaeError, MaskError, ModelError, OptionError
from imgae.model.machine import short_of_memory
from imgae.model.session import ShortOfMemoryError

MEDIA: Final = "application/problem+json"
SENTENCES: Final = {
    404: "there is nothing at this address",
    405: "this address does not take {method}",
}
GONE: Final = "there is no {what} of this id, or no longer; send it again"


class ProblemError(Exception):
    """A request that is refused, or failed. detail: one sentence."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})

    def as_json(self) -> dict[str, Any]:
        title = http.HTTPStatus(self.status).phrase
        return {"title": title, "status": self.status, "detail": self.detail}

    def response(self) -> JSONResponse:
        return JSONResponse(self.as_json(), self.status, self.headers, MEDIA)


def problem_of(error: Exception) -> ProblemError:
    """Return the answer for an error."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, MissingError):
        return ProblemError(404, GONE.format(what="picture or job"))
    if isinstance(error, FullError):
        return ProblemError(503, "the server keeps as much as it may; try again later")
    if sentence := short_of_memory(error):
        return ProblemError(503, sentence)
    if isinstance(error, ImgaeError):
        return ProblemError(status_of(error), str(error))
    return ProblemError(500, f"imgae failed: {type(error).__name__}; its terminal says more")


def status_of(error: ImgaeError) -> int:
    if isinstance(error, ImageTooLargeError):
        return 413
    if isinstance(error, NoPictureError):
        return 415
    if isinstance(error, ShortOfMemoryError):
        return 503
    if isinstance(error, ModelError) and not isinstance(error, (OptionError, MaskError)):
        return 500
    return 422


async def on_error(_: Request, error: Exception) -> JSONResponse:
    return problem_of(error).response()


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    sentence = SENTENCES.get(error.status_code, str(error.detail)).format(method=request.method)
    return ProblemError(error.status_code, sentence, error.headers).response()
