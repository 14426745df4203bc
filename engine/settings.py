"""What the environment decides: one frozen class, read once in ``main``. What a team decides is policy, not here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import Invalid


class Settings(BaseSettings):
    """Every knob, its default and one sentence. ``docs/settings.md`` is generated from this class."""

    # The prefix keeps names of fields from being read as variables of everybody: HOME, HOST, DATABASE_URL.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, env_prefix="ASSAY_")

    home: Path = Field(
        default=Path(".assay"),
        validation_alias=AliasChoices("ASSAY_HOME"),
        description="Folder for the SQLite file, job folders, locks, the spool and artifacts.",
        examples=["/var/lib/assay"],
    )
    database_url: str = Field(
        default="",
        validation_alias=AliasChoices("ASSAY_DATABASE_URL"),
        description="Database; empty means the SQLite file assay.db in ASSAY_HOME. PostgreSQL for two hosts or more.",
        examples=["postgresql://assay@db.internal/assay"],
    )
    artifacts: str = Field(
        default="",
        validation_alias=AliasChoices("ASSAY_ARTIFACTS"),
        description="fsspec URL of the artifact store; empty means the folder artifacts in ASSAY_HOME.",
        examples=["file:///srv/assay/artifacts"],
    )
    runner: Literal["local", "ray"] = Field(
        default="local",
        validation_alias=AliasChoices("ASSAY_RUNNER"),
        description="Where heavy work runs: in child processes on the engine's host, or on a Ray cluster.",
        examples=["local"],
    )
    ray_address: str = Field(
        default="http://127.0.0.1:8265",
        validation_alias=AliasChoices("ASSAY_RAY_ADDRESS"),
        description="Dashboard address of the Ray cluster, where ASSAY_RUNNER is ray.",
        examples=["http://ray-head.internal:8265"],
    )
    ray_workers: int = Field(
        default=1,
        ge=1,
        validation_alias=AliasChoices("ASSAY_RAY_WORKERS"),
        description="Hosts of the Ray cluster over which one training by gradient steps is spread.",
        examples=["4"],
    )
    encoder: str = Field(
        default="",
        validation_alias=AliasChoices("ASSAY_ENCODER"),
        description="Folder of the encoder's weights; empty means those of the installed weights package.",
        examples=["/srv/models/all-MiniLM-L6-v2"],
    )
    decoder: str = Field(
        default="",
        validation_alias=AliasChoices("ASSAY_DECODER"),
        description="Folder of a small chat model's weights; empty means those of the installed weights package.",
        examples=["/srv/models/SmolLM2-135M-Instruct"],
    )
    slack_bot_token: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SLACK_BOT_TOKEN"),
        description="Bot token of the Slack app (xoxb-…).",
        examples=["xoxb-…"],
    )
    slack_signing_secret: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SLACK_SIGNING_SECRET"),
        description="Signing secret of the Slack app; needed in HTTP mode.",
        examples=["8f742231b10e8888abcd99yyyzzz85a5"],
    )
    slack_app_token: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SLACK_APP_TOKEN"),
        description="App-level token (xapp-…); when set the bot uses Socket Mode and needs no public URL.",
        examples=["xapp-…"],
    )
    slack_client_id: str = Field(
        default="",
        validation_alias=AliasChoices("SLACK_CLIENT_ID"),
        description="Client id of the Slack app, for several workspaces (docs/slack.md); without SLACK_BOT_TOKEN.",
        examples=["1234567890.1234567890"],
    )
    slack_client_secret: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SLACK_CLIENT_SECRET"),
        description="Client secret of the Slack app, for several workspaces.",
        examples=["5d2f…"],
    )
    slack_keys: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("ASSAY_SLACK_KEYS"),
        description="Fernet keys that seal the workspaces' tokens in the database, newest first, separated by commas.",
        examples=["2vTq…="],
    )
    slack_api_url: str = Field(
        default="https://slack.com/api/",
        validation_alias=AliasChoices("ASSAY_SLACK_API_URL"),
        description="Base of Slack's Web API; a stand-in's in the demo and in tests.",
        examples=["https://slack.com/api/"],
    )
    public_url: str = Field(
        default="",
        validation_alias=AliasChoices("ASSAY_PUBLIC_URL"),
        description="Address under which people reach the report pages; empty leaves links to them out.",
        examples=["https://assay.example.com"],
    )
    host: str = Field(
        default="127.0.0.1",
        validation_alias=AliasChoices("ASSAY_HOST"),
        description="Address the bot's web server listens on.",
        examples=["0.0.0.0"],  # noqa: S104 (an example for a container)
    )
    port: int = Field(
        default=3000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT"),
        description="Port of the bot's web server; 0 takes a free one.",
        examples=["3000"],
    )
    serve_host: str = Field(
        default="127.0.0.1",
        validation_alias=AliasChoices("ASSAY_SERVE_HOST"),
        description="Address the engine serves candidates at; another than loopback for a gateway on another host.",
        examples=["10.0.0.5"],
    )
    openai_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("OPENAI_API_KEY"),
        description="Key for the host of OPENAI_BASE_URL, and for no other host.",
        examples=["sk-…"],
    )
    openai_base_url: str = Field(
        default="https://api.openai.com/v1",
        validation_alias=AliasChoices("OPENAI_BASE_URL"),
        description="Default endpoint of prompted models.",
        examples=["https://api.openai.com/v1"],
    )
    upstream_keys: str = Field(
        default="",
        validation_alias=AliasChoices("ASSAY_UPSTREAM_KEYS"),
        description="Keys of further hosts, as host[:port]=NAME_OF_AN_ENVIRONMENT_VARIABLE, separated by commas.",
        examples=["llm.internal:8000=INTERNAL_LLM_KEY"],
    )
    spool: str = Field(
        default="",
        validation_alias=AliasChoices("ASSAY_SPOOL"),
        description="Folder the gateway writes calls to and ingest reads; empty means the folder spool in ASSAY_HOME.",
        examples=["/var/spool/assay"],
    )
    spool_strict: bool = Field(
        default=False,
        validation_alias=AliasChoices("ASSAY_SPOOL_STRICT"),
        description="Whether the gateway answers 503 while calls cannot be recorded, instead of serving unrecorded.",
        examples=["1"],
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        validation_alias=AliasChoices("ASSAY_LOG_LEVEL"),
        description="How much is logged.",
        examples=["info"],
    )

    @field_validator("slack_api_url")
    @classmethod
    def _ends_in_slash(cls, value: str) -> str:
        return value if value.endswith("/") else value + "/"

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{(self.home / 'assay.db').resolve()}"

    @property
    def artifacts_url(self) -> str:
        """The artifact store in force."""
        return self.artifacts or f"file://{(self.home / 'artifacts').resolve()}"

    @property
    def serves_several(self) -> bool:
        """Whether workspaces install the app by themselves, rather than one whose token is set."""
        return bool(self.slack_client_id) and not self.slack_bot_token.get_secret_value()

    def of_team(self, team: str) -> Settings:
        """The place of one of several workspaces: a folder, database, spool, artifacts and address of its own.

        On PostgreSQL it is a database beside ours whose name ends in the team's id.
        """
        url = self.database_url
        if url.startswith("postgres"):
            head, mark, query = url.partition("?")
            url = f"{head}_{team.lower()}{mark}{query}"
        elif url:
            folder, _, name = url.rpartition("/")
            url = f"{folder}/teams/{team}/{name}"
        return self.model_copy(
            update={
                "home": self.home / "teams" / team,
                "database_url": url,
                "artifacts": f"{self.artifacts.rstrip('/')}/{team}" if self.artifacts else "",
                "spool": f"{self.spool.rstrip('/')}/{team}" if self.spool else "",
                "public_url": f"{self.public_url.rstrip('/')}/w/{team}",
            }
        )

    @property
    def spool_folder(self) -> Path:
        """The spool in force."""
        return Path(self.spool) if self.spool else self.home / "spool"


def load_settings() -> Settings:
    """Settings from the environment. Raises ``Invalid`` naming the variable, the value's kind and a valid example."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        field = next((f for f in Settings.model_fields.values() if name in _names(f.validation_alias)), None)
        example = f" For example {name}={field.examples[0]}." if field and field.examples else ""
        raise Invalid(f"{name}: {first['msg'].lower()}.", hint=f"Mend the variable and start again.{example}") from None


def _names(alias: object) -> list[str]:
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [str(alias)]
