"""Read the settings of ``describe``: a TOML file that names the server. Without one, nothing is sent."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from medmultipoints.data_lake.http.request import is_local
from medmultipoints.data_lake.toml_files import read_model
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import TomlTable

Reader = Literal["raster", "ocr"]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class ServerSettings(TomlTable):
    """The server that writes descriptions, and the limits on requests and cost."""

    address: str = Field(description="base address of an OpenAI-compatible server, as https://HOST/v1")
    model: str = Field(min_length=1, description="name of the model, as the server calls it")
    token_variable: str = Field(
        default="MEDMULTIPOINTS_DESCRIBE_TOKEN", min_length=1, description="environment variable that holds the token"
    )
    temperature: float = Field(default=0.0, ge=0, le=2)
    seed: int = Field(default=0, ge=0, lt=2**31)
    max_tokens: int = Field(default=800, ge=16, le=100_000, description="of one answer")
    requests_per_minute: float = Field(default=60, gt=0, le=60_000)
    at_once: int = Field(default=4, ge=1, le=64, description="requests under way at the same time")
    timeout: Seconds = Field(default=120, description="seconds to wait for one answer")
    attempts: int = Field(default=5, ge=1, le=20, description="of one request, when the server fails or is busy")
    longest_wait: Seconds = Field(default=60, description="seconds between two attempts, at most")
    price_in: float = Field(default=0.0, ge=0, description="of a million tokens that are sent")
    price_out: float = Field(default=0.0, ge=0, description="of a million tokens that come back")
    max_cost: float | None = Field(default=None, gt=0, description="nothing is sent once the answers cost so much")
    readers: tuple[Reader, ...] = Field(
        default=("raster", "ocr"), description="who finds the text in a picture, which is filled before it is sent"
    )
    knowledge: tuple[str, ...] = Field(default=(), description="folders of further definitions, from the file's folder")

    @model_validator(mode="before")
    @classmethod
    def _holds_no_token(cls, given: Any) -> Any:
        if isinstance(given, dict) and (held := sorted({"token", "api_key"} & given.keys())):
            variable = "MEDMULTIPOINTS_DESCRIBE_TOKEN"
            raise ValueError(f"{held[0]} does not belong in a file; put it in the environment variable {variable}")
        return given

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("expected https://HOST/v1")
        if parts.username or parts.password:
            raise ValueError("it holds a user or a password; put a token into the environment variable")
        return address.rstrip("/")

    @model_validator(mode="after")
    def _cost_has_a_price(self) -> Self:
        if self.max_cost is not None and not (self.price_in or self.price_out):
            raise ValueError("max_cost needs price_in or price_out: without a price no answer costs anything")
        return self

    @property
    def unencrypted(self) -> bool:
        """Return whether pictures go to another machine by plain http."""
        return self.address.startswith("http:") and not is_local(self.address)

    @property
    def token(self) -> str:
        """Return the token from the environment, empty if it is not set.

        UsageError if it would be sent by plain http to another machine.
        """
        token = os.environ.get(self.token_variable, "").strip()
        if token and self.unencrypted:
            raise UsageError(
                f"address {self.address}: anyone on the way could read the token. Use https, or unset "
                f"{self.token_variable} if the server needs none."
            )
        return token


def read_settings(path: Path) -> ServerSettings:
    """Return the settings in a TOML file, with absolute definition folders; UsageError says what is wrong."""
    found = read_model(ServerSettings, path, "settings", absent="Correct the path.", wrong="Correct the file.")
    folders = tuple(str((path.parent / folder).absolute()) for folder in found.knowledge)
    return found.model_copy(update={"knowledge": folders})
