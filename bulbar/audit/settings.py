"""How the audit is made."""

from pydantic import Field

from bulbar.settings import MOST, Strict


class Settings(Strict):
    """The `audit` block of params.yaml. Fewer shuffles than 999 cannot carry a p under 0.01 with any certainty."""

    shuffles: int = Field(default=999, ge=999, le=MOST)
