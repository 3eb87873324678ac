"""Everything that differs from one installation to the next. Read by the commands only."""

from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

CONFIG_FILE = Path("jangkar.toml")


class Settings(BaseSettings):
    """From the environment (JANGKAR_...), else from `jangkar.toml` in the working folder, else the default."""

    model_config = SettingsConfigDict(env_prefix="JANGKAR_", toml_file=CONFIG_FILE, frozen=True, extra="forbid")

    database_url: str = Field("sqlite:///jangkar.sqlite3", description="SQLite or PostgreSQL, as an SQLAlchemy URL")
    rpc_url: str = Field("http://127.0.0.1:8545", description="the chain node's JSON-RPC address")
    chain_id: int = Field(200_826, description="EIP-155 chain id; another chain is refused")
    registry: str | None = Field(None, description="the registry's address")
    finality_depth: int = Field(
        0, ge=0, description="blocks on top that make a block final; 0 where blocks never go back"
    )
    keystore: Path | None = Field(None, description="the signing key, a Web3 Secret Storage file")
    password_file: Path | None = Field(None, description="its password; asked for on the terminal when not set")
    signer_url: str | None = Field(
        None, description="a web3signer that signs in the keystore's place, so that no key is in this process"
    )
    signer_address: str | None = Field(None, description="the account that the web3signer signs as")
    manifests: Path = Field(Path("manifests"), description="folder of the public manifests")
    entries: Path = Field(Path("entries"), description="folder of the private entries, best on another disk")
    backups: Path | None = Field(
        None, description="folder that `jangkar backup` writes to and `jangkar doctor` looks at, best on another disk"
    )
    time_zone: Literal["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"] = Field(
        "Asia/Jakarta", description="the institute's zone, for printed last days"
    )
    cutoff: str = Field(
        "22:00",
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="when the worker begins the night, in the institute's zone",
    )
    anchor_within_hours: int = Field(
        36, ge=25, description="hours within which each accepted certificate is to be anchored; later is an alarm"
    )
    proxy: str | None = Field(
        None,
        description="addresses or networks of the reverse proxy in front of `jangkar serve`, with commas, whose "
        "X-Forwarded-For is believed; where it is not set nobody's is, and all who come through one are one address",
    )
    public_requests_per_minute: int = Field(
        600, ge=1, description="look-ups that one address, or a /64, may make in a minute; a public page is one address"
    )
    key_requests_per_minute: int = Field(
        600, ge=1, description="writing requests that one API key may make in a minute, of a thousand certificates each"
    )

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: str) -> str:
        if value.partition("://")[0] not in ("sqlite", "postgresql"):
            raise ValueError("must begin with sqlite:// or postgresql://")
        return value

    @field_validator("registry", "signer_address")
    @classmethod
    def _check_address(cls, value: str | None) -> str | None:
        if value is not None and not (len(value) == 42 and value.startswith("0x") and _is_hex(value[2:])):
            raise ValueError("must be an address of 0x and 40 hexadecimal digits")
        return value

    @model_validator(mode="after")
    def _check_signer(self) -> Self:
        if (self.signer_url is None) != (self.signer_address is None):
            raise ValueError("signer_url and signer_address belong together")
        if self.signer_url is not None and self.keystore is not None:
            raise ValueError("keystore and signer_url exclude each other")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The institute's time zone."""
        return ZoneInfo(self.time_zone)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment overrides the file. Source: pydantic-settings."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)
