"""The service's typed configuration: where each value comes from, its rule and its meaning."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from embeddings.types.model import ModelDeclaration, check_declarations
from embedsite.config_credentials import CredentialOptions
from embedsite.config_identity import IdentityOptions
from embedsite.config_limits import LimitOptions
from embedsite.config_live import LiveOptions
from embedsite.config_rules import Names, check_redis_url, parse_json, split_commas

BASE_DIR = Path(__file__).resolve().parent.parent
# What Django's own `check --deploy` asks of a key (security.W009).
MIN_SECRET_KEY = 50
# Names that every platform sets for us, without our prefix.
CUSTOMARY_NAMES = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL"}


class ConfigError(Exception):
    """The configuration is not usable; the message has one line for each fault."""


class Config(IdentityOptions, CredentialOptions, LimitOptions, LiveOptions, BaseSettings):
    """Every option of the service. Frozen: loaded once, at start."""

    # Django asks whatever is read of its settings for it, and pydantic takes long to say that
    # there is none.
    _mask_wrapped: ClassVar[bool] = True

    model_config = SettingsConfigDict(
        env_prefix="EMBED_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
        populate_by_name=True,
        protected_namespaces=(),
    )

    data_dir: Path = Field(
        BASE_DIR / "var",
        description="Folder for the embedded database, converted models and the development key.",
    )
    mode: Literal["development", "production"] = Field(
        "development", description="`production` refuses unsafe settings and secures cookies."
    )
    debug: bool = Field(default=False, description="Django's debug pages; refused in production.")
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Signs sessions and keys token hashes; at least 50 characters in production."
        " In development one is made and kept in the data folder.",
    )
    token_pepper: SecretStr | None = Field(
        None, description="Keys the hashes of API tokens. Derived from the secret key when unset."
    )
    allowed_hosts: Names = Field(
        ["localhost", "127.0.0.1", "[::1]"],
        description="Host names that the service answers to, separated by commas.",
    )
    csrf_trusted_origins: Names = Field(
        [], description="Origins (with scheme) that may post to the console, separated by commas."
    )
    behind_tls_proxy: bool = Field(
        default=False,
        description="Trust `X-Forwarded-Proto` from the proxy that ends TLS before us.",
    )
    hsts_seconds: int | None = Field(
        None,
        ge=0,
        le=63_072_000,
        description="Strict-Transport-Security max-age of answers over TLS; 0 sends none."
        " Unset: a year in production, else none.",
    )
    database_url: SecretStr | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="`postgresql://user:password@host:port/name`."
        " Unset: the embedded server in the data folder.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias="REDIS_URL",
        description="`redis://…` of the cache that processes share."
        " Unset: each process has its own alone.",
    )
    database_pool_size: int = Field(
        10,
        ge=1,
        le=500,
        description="Most database connections of one process. Half of them may stay with clients"
        " that ask again at once.",
    )
    database_pool_min: int = Field(
        1, ge=0, le=500, description="Database connections that one process keeps open."
    )
    config_file: Path | None = Field(None, description="TOML file with any of these options.")
    secrets_dir: Path | None = Field(
        None, description="Folder of secret files, each named as its environment variable."
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address that `serve` listens on.")
    port: int = Field(8000, ge=1, le=65_535, description="TCP port that `serve` listens on.")
    workers: int = Field(
        1, ge=1, le=128, description="Web processes; one copy of the models serves them all."
    )
    threads: int = Field(
        96,
        ge=1,
        le=512,
        description="Request threads of one web process. An eighth of them does nothing but answer"
        " 503 while the others are all taken.",
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="One JSON object a line, or readable text."
    )
    metrics_public: bool = Field(
        default=False,
        description="Let anyone read `/metrics`; else an operator's API token is needed.",
    )
    default_model: str = Field(
        "all-MiniLM-L6-v2", min_length=1, description="Model of a collection that names none."
    )
    model_dir: Path | None = Field(
        None,
        description="Folder whose sub-folders are sentence-transformers models,"
        " served under the folders' names.",
    )
    models: Annotated[list[ModelDeclaration], NoDecode] = Field(
        [],
        description="Models and rerankers besides those, local and remote, as a JSON list;"
        " in TOML `[[models]]`.",
    )
    model_idle_s: int = Field(
        900,
        ge=0,
        le=31_536_000,
        description="Seconds without use after which a model other than the default one is"
        " unloaded; 0 keeps all.",
    )
    model_memory_mb: int = Field(
        0,
        ge=0,
        le=16_777_216,
        description="Memory for the models of one process, in MiB: those not used for longest make"
        " way. 0 sets no limit.",
    )
    remote_connect_s: int = Field(
        2, ge=1, le=600, description="Seconds that a remote provider has to take a connection."
    )
    remote_read_s: int = Field(
        10, ge=1, le=3600, description="Seconds that a remote provider may be silent."
    )
    remote_budget_s: int = Field(
        30,
        ge=1,
        le=3600,
        description="Seconds for one call of a remote model, retries and fallback included.",
    )
    engine_socket: Path | None = Field(
        None,
        description="Unix socket of an engine of this service on this machine, which is asked for"
        " the local models instead of loading them; `serve` sets it for its own processes.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where models run.")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32",
        description="Arithmetic of the models; `bfloat16` is faster and less exact; `float16`, in"
        " between, needs a GPU.",
    )
    inference_threads: int = Field(
        0, ge=0, le=1024, description="Threads of the model runtime; 0 is one for each core."
    )
    batch_tokens: int = Field(
        8192, ge=64, le=1_048_576, description="Most tokens, padding included, in one model batch."
    )
    cache_sharing: bool = Field(
        default=False,
        description="Let users share cached vectors; else each one's are for itself, so that nobody"
        " learns from the time of an answer what others have embedded.",
    )
    queue_tokens: int = Field(
        131_072,
        ge=1,
        le=1_073_741_824,
        description="Most tokens that wait for a model of one process; beyond, callers get 503."
        " Large requests may fill three quarters.",
    )
    openai_empty_text: bool = Field(
        default=False,
        description="Embed the empty string at `/v1/embeddings`, as LangChain asks for an empty"
        " document; OpenAI answers 400.",
    )

    _commas = field_validator("allowed_hosts", "csrf_trusted_origins", mode="before")(split_commas)
    _json = field_validator("models", mode="before")(parse_json)
    _redis = field_validator("redis_url")(check_redis_url)

    @field_validator("models")
    @classmethod
    def models_agree(cls, value: list[ModelDeclaration]) -> list[ModelDeclaration]:
        check_declarations(value)
        return value

    @field_validator("data_dir", "model_dir", "config_file", "secrets_dir", "engine_socket")
    @classmethod
    def make_absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

    @model_validator(mode="after")
    def pool_sizes_agree(self) -> Self:
        if self.database_pool_min > self.database_pool_size:
            raise ValueError("EMBED_DATABASE_POOL_MIN must not exceed EMBED_DATABASE_POOL_SIZE")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the values given: `load` reads the sources itself, to know where each came from."""
        return (init_settings,)
