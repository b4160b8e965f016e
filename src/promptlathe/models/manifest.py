"""What lies beside a pulled model and says what it must be."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Manifest(BaseModel):
    """`file` is what an engine is given: the GGUF file, or a folder of the model's files.

    `sha256` is its digest as `DigestCache` computes it, whatever checksums the source had; `origin` is the
    reference it was pulled by (None in old manifests) and `source` that at one commit. `has_code` says that the
    repository's own Python files, if it has any, are here too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(pattern=r"^[^/\\]+$")
    sha256: str
    size_bytes: int
    source: str
    pulled_at: AwareDatetime
    origin: str | None = None
    license: str | None = None
    has_code: bool = False
