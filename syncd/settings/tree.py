"""The tables and keys of a configuration file: one class a table, one field a key.

The descriptions, defaults and examples here are the documentation: the annotated sample, the JSON schema and the fixes
of errors are made from them. Only single values are checked here; what concerns two keys is in `checks`.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from syncd.core.limits import DOWNLOADS_PER_MINUTE, ROWS_PER_PAGE
from syncd.core.model import StreamPolicy
from syncd.core.pacing import PollPace
from syncd.settings.addresses import Address, BaseUrl, CallbackUrl, Dsn, HostNames, Listen, Place
from syncd.settings.values import (
    ClientId,
    CreditLimit,
    Credits,
    Criteria,
    CronLine,
    FieldNames,
    Interval,
    ModuleName,
    OrgId,
    OrgName,
    Overlap,
    Poll,
    RecordId,
    SchemaName,
    Scopes,
    Settle,
    Share,
    TableName,
    TimeZone,
)

DATA_CENTERS = ("us", "eu", "in", "au", "jp", "ca", "cn", "sa", "uk")

SCOPES = (
    "ZohoCRM.bulk.READ",
    "ZohoCRM.modules.READ",
    "ZohoCRM.settings.modules.READ",
    "ZohoCRM.settings.fields.READ",
    "ZohoCRM.coql.READ",
)

DataCenter = Literal["us", "eu", "in", "au", "jp", "ca", "cn", "sa", "uk", "com", "com.au", "com.cn"]
ApiVersion = Literal["v2", "v2.1", "v3", "v4", "v5", "v6", "v7", "v8"]
GrantKind = Literal["refresh_token", "client_credentials"]
Deletes = Literal["each-run", "daily", "off"]
Census = Literal["weekly", "daily", "monthly", "off"]
Format = Literal["csv", "ics", "both"]
ForcedCursor = Literal["Modified_Time", "Created_Time"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "journal", "console", "json"]

_POLICY = StreamPolicy()


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Zoho(_Table):
    """Access to one Zoho organisation, and how much of its API is used."""

    data_center: DataCenter | None = Field(
        None,
        description=f"Where the organisation lives: {' '.join(DATA_CENTERS)}; the end of the address of its CRM tells.",
        examples=["eu"],
    )
    accounts_url: BaseUrl | None = Field(
        None,
        description="Instead of data_center: the servers for tokens and for the API; both, or none.",
        examples=["https://accounts.zoho.eu"],
    )
    api_url: BaseUrl | None = Field(None, description="See accounts_url.", examples=["https://www.zohoapis.eu"])
    client_id: ClientId = Field(
        description="The Client ID of your self client, from the API console of the data center.",
        examples=["1000.ABCDEFGH"],
    )
    client_secret_file: Place | None = Field(
        None,
        description="A file with nothing but the client secret, readable by its owner alone (chmod 600). "
        "Without this key: the systemd credential zoho-client-secret, else $SYNCD_ZOHO__CLIENT_SECRET.",
        examples=["credentials/zoho-client-secret"],
    )
    refresh_token_file: Place | None = Field(
        None,
        description="The same for the refresh token: else the credential zoho-refresh-token, "
        "else $SYNCD_ZOHO__REFRESH_TOKEN.",
        examples=["credentials/zoho-refresh-token"],
    )
    grant: GrantKind = Field(
        "refresh_token",
        description="How tokens are asked for: refresh_token, or client_credentials, which needs soid and scope "
        "and no refresh token.",
    )
    soid: OrgId | None = Field(
        None, description="For client_credentials: the organisation's id.", examples=["60012345678"]
    )
    scope: Scopes = Field(
        SCOPES, description="For client_credentials: the scopes to ask for. These are what syncd uses."
    )
    api_version: ApiVersion = Field("v8", description="The version of Zoho's API; v2 speaks the oldest dialect.")
    downloads_per_minute: int = Field(
        DOWNLOADS_PER_MINUTE,
        ge=1,
        le=1_000_000,
        description=f"Zoho refuses all downloads for a while after more than {DOWNLOADS_PER_MINUTE} in a minute.",
    )
    concurrent_jobs: int = Field(
        4, ge=1, le=20, description="How many bulk read jobs of this organisation may be under way at once."
    )
    daily_credits: Credits = Field(
        CreditLimit(share=0.5),
        description="How many API credits may be spent in any 24 hours: a number, or a share of the allowance.",
    )
    ca_file: Place | None = Field(
        None,
        description="A PEM file of certificates to trust instead of the system's.",
        examples=["/etc/ssl/certs/proxy.pem"],
    )


class Postgres(_Table):
    """The database."""

    dsn: Dsn = Field(
        SecretStr(""),
        description="libpq's connection string; better without a password, see below. "
        "Left out: the PG* variables and ~/.pgpass.",
        examples=["postgresql:///crm"],
    )
    password_file: Place | None = Field(
        None,
        description="A file with nothing but the password (chmod 600). Without this key: the systemd credential "
        "pg-password, else $SYNCD_POSTGRES__PASSWORD, else what libpq finds.",
        examples=["credentials/pg-password"],
    )
    # The attribute cannot be named as the key: pydantic has a method of that name.
    schema_name: SchemaName = Field(
        "zoho",
        alias="schema",
        description="The schema for the modules' tables; their views are in the one with _live behind its name. "
        "Several organisations need one each.",
    )


class Defaults(_Table):
    """How modules are synced that say nothing else."""

    every: Interval = Field(timedelta(minutes=15), description="How often. Durations: 90s, 15m, 2h, 1d; 0.5s as well.")
    cron: CronLine = Field(
        "",
        description="Instead of every: a crontab line (0 and 7 are Sunday, 1 is Monday), read in `timezone`; "
        '"" means none.',
        examples=["*/15 7-19 * * 1-5"],
    )
    settle: Settle = Field(
        _POLICY.settle, description="A record is read when its last change is this old: changes become visible late."
    )
    overlap: Overlap = Field(
        _POLICY.overlap, description="Each reading starts this much before the end of the one before; at least 2s."
    )
    deletes: Deletes = Field(
        "each-run", description="How often Zoho's list of deleted records is read: each-run, daily or off."
    )
    census: Census = Field(
        "weekly",
        description="How often the ids of all records are compared, which finds the deletes that the list hides and "
        "whatever else went wrong: daily, weekly, monthly or off.",
    )
    census_max_deleted: Share = Field(
        _POLICY.census_max_deleted,
        description="The part of a table that may turn out deleted in this way at once; more needs your word: "
        "syncd verify MODULE --accept-deletes.",
    )
    window_rows: int = Field(
        _POLICY.window_rows, ge=1, le=ROWS_PER_PAGE, description="How many rows one export is planned to hold."
    )
    poll: Poll = Field(
        PollPace(2.0, 30.0), description="The waits between two looks at a running job: the shortest and the longest."
    )
    full_read_every: Interval = Field(
        _POLICY.full_read_every,
        description="How often a module is read in full that has no Modified_Time to tell what changed.",
    )
    expand_back: Interval = Field(
        _POLICY.expand_back, description="Recurring events are listed in calendar_occurrence from so long ago,"
    )
    expand_ahead: Interval = Field(_POLICY.expand_ahead, description="to so far ahead; the days move on by themselves.")
    deadline: Interval | None = Field(
        None,
        description="Data older than this counts as late. Left out: three intervals and `settle`, or for a crontab "
        "line a little more than its longest pause.",
        examples=["45m"],
    )


class ModuleTable(_Table):
    """What one module says for itself; None: as in `Defaults`."""

    every: Interval | None = Field(None, description="As in [defaults], for this module.", examples=["5m"])
    cron: CronLine | None = Field(None, description="As in [defaults].", examples=["0 6 * * *"])
    settle: Settle | None = Field(None, description="As in [defaults].", examples=["60s"])
    overlap: Overlap | None = Field(None, description="As in [defaults].", examples=["5m"])
    deletes: Deletes | None = Field(None, description="As in [defaults].", examples=["daily"])
    census: Census | None = Field(None, description="As in [defaults].", examples=["off"])
    census_max_deleted: Share | None = Field(None, description="As in [defaults].", examples=["25%"])
    window_rows: Annotated[int, Field(ge=1, le=ROWS_PER_PAGE)] | None = Field(
        None, description="As in [defaults].", examples=[150_000]
    )
    poll: Poll | None = Field(None, description="As in [defaults].", examples=["2s..30s"])
    full_read_every: Interval | None = Field(None, description="As in [defaults].", examples=["7d"])
    expand_back: Interval | None = Field(None, description="As in [defaults].", examples=["730d"])
    expand_ahead: Interval | None = Field(None, description="As in [defaults].", examples=["550d"])
    deadline: Interval | None = Field(None, description="As in [defaults].", examples=["45m"])
    fields: FieldNames | None = Field(
        None,
        description="The fields to read, by API name; fields over lookups too. Left out: all that Zoho exports.",
        examples=[["Deal_Name", "Amount", "Contact_Name.Email"]],
    )
    exclude: FieldNames | None = Field(
        None, description="Fields to leave out when `fields` does not list any.", examples=[["Description"]]
    )
    criteria: Criteria | None = Field(
        None,
        description='Only records that match: one comparison, { group = [...], group_operator = "or" }, or a list of '
        "which all must hold; at most 24 comparisons.",
        examples=[{"api_name": "Stage", "comparator": "not_equal", "value": "Closed Lost"}],
    )
    cvid: RecordId | None = Field(
        None, description="Only records of this custom view (its id).", examples=["4150868000000087501"]
    )
    cursor: ForcedCursor | None = Field(
        None,
        description="The stamp that tells what is new. Left out: Modified_Time, else Created_Time, else full reads.",
        examples=["Created_Time"],
    )
    table: TableName | None = Field(
        None, description="The table's name. Left out: the module's in lower case.", examples=["deals"]
    )
    format: Format = Field(
        "csv",
        description="csv for the table; ics for the calendar tables of Events alone; both for the two of them.",
    )


def _long_form(value: Any) -> Any:
    """`Contacts = "15m"` is short for `Contacts = { every = "15m" }`."""
    return {"every": value} if isinstance(value, str) else value


class Callback(_Table):
    """Zoho can tell when a job is done instead of being asked; a lost call costs nothing, jobs are polled anyway."""

    url: CallbackUrl | None = Field(
        None,
        description="The public address of the listener below. Its last part is a secret of at least 22 characters. "
        'Left out: polling alone.\npython3 -c "import secrets; print(secrets.token_urlsafe(24))"',
        examples=["https://hook.example.com/zoho/PUT-22-OR-MORE-RANDOM-CHARACTERS-HERE"],
    )
    listen: Listen = Field(
        Address("127.0.0.1", 8643), description="Where to listen for these calls, behind a proxy that speaks TLS."
    )


class Web(_Table):
    """The status page, /healthz and /metrics."""

    listen: Listen = Field(
        Address("127.0.0.1", 8642),
        description='Where to listen; "" turns the page off. An address that other machines reach needs a token.',
    )
    names: HostNames = Field(
        (), description="Names besides that address that the page is reached by.", examples=[["syncd.example.com"]]
    )
    token_file: Place | None = Field(
        None,
        description="A file with the token that readers must present (chmod 600), at least 16 characters. Without "
        "this key: the systemd credential web-token, else $SYNCD_WEB__TOKEN.",
        examples=["credentials/web-token"],
    )


class Log(_Table):
    """What the daemon says of itself, on stderr or in the journal."""

    level: LogLevel = Field("info", description="debug, info, warning or error.")
    format: LogFormat = Field(
        "auto", description="journal under systemd, console on a terminal, json elsewhere; or one of these three."
    )


class Storage(_Table):
    """Files that syncd keeps: downloads not yet loaded, the access token."""

    state_dir: Place | None = Field(
        None,
        description="A folder of syncd's own. Left out: systemd's $STATE_DIRECTORY, else ~/.local/state/syncd.",
        examples=["/var/lib/syncd"],
    )


class Document(_Table):
    """One file: one organisation."""

    org: OrgName = Field("default", description="A name for this organisation; with several files each needs its own.")
    timezone: TimeZone = Field("UTC", description="The time zone that crontab lines are read in.")
    zoho: Zoho
    postgres: Postgres = Postgres()
    defaults: Defaults = Defaults()
    modules: dict[ModuleName, Annotated[ModuleTable, BeforeValidator(_long_form)]] = Field(
        default={}, description="Which modules to sync, by API name; `syncd modules` lists them."
    )
    callback: Callback = Callback()
    web: Web = Web()
    log: Log = Log()
    storage: Storage = Storage()


TABLES: dict[str, type[_Table]] = {
    "zoho": Zoho,
    "postgres": Postgres,
    "defaults": Defaults,
    "modules": ModuleTable,
    "callback": Callback,
    "web": Web,
    "log": Log,
    "storage": Storage,
}
"""The tables of a file in the order of the sample; every entry of `modules` is one of its class."""


def keys_of(table: type[_Table]) -> tuple[str, ...]:
    """The keys of a table as they are written in a file."""
    return tuple(field.alias or name for name, field in table.model_fields.items())
