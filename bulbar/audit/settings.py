"""How the audit is made."""

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """The `audit` block of params.yaml. Fewer shuffles than 999 cannot carry a p under 0.01 with any certainty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shuffles: int = Field(default=999, ge=999)
