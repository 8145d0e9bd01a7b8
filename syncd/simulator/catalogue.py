"""The modules of the simulated org: which fields they have and how their values are made.

Owns: the list of modules and fields. Runtime changes live in `schema.Catalogue`.
"""

from dataclasses import replace

from syncd.simulator.schema import Field, Module

PICK_SOURCES = ("Advertisement", "Cold Call", "Employee Referral", "Trade Show", "Web, organic", "Partner – Größe")
PICK_INDUSTRIES = ("ASP", "Data/Telecom", "ERP", "Government/Military", "Wireless Industry", "Não informado")
PICK_STAGES = ("Qualification", "Needs Analysis", "Proposal/Price Quote", "Closed Won", "Closed Lost")
PICK_RATINGS = ("Acquired", "Active", "Market Failed", "Shut Down")
PICK_PRODUCTS = ("Alpha", "Beta, large", "Gamma;x", 'Delta "D"', "Epsilon")
PICK_PRIORITIES = ("Highest", "High", "Normal", "Low", "Lowest")
PICK_TASK_STATES = ("Not Started", "Deferred", "In Progress", "Completed", "Waiting for input")


def _label(api_name: str) -> str:
    return api_name.replace("__s", "").replace("_", " ").strip("$ ")


def _field(api_name: str, data_type: str, source: str, *options: str, **changes: object) -> Field:
    values: dict[str, object] = {"label": _label(api_name), "blank": 0.15, **changes}
    return Field(api_name=api_name, data_type=data_type, source=source, options=options, **values)  # type: ignore[arg-type]  # the names below are Field's


def text(api_name: str, source: str = "text", **changes: object) -> Field:
    return _field(api_name, "text", source, **changes)


def textarea(api_name: str, **changes: object) -> Field:
    return _field(api_name, "textarea", "textarea", **{"length": 32000, **changes})


def pick(api_name: str, options: tuple[str, ...], **changes: object) -> Field:
    return _field(api_name, "picklist", "pick", *options, **changes)


def multi(api_name: str, options: tuple[str, ...], **changes: object) -> Field:
    return _field(api_name, "multiselectpicklist", "multipick", *options, **changes)


def flag(api_name: str, **changes: object) -> Field:
    return _field(api_name, "boolean", "boolean", **{"blank": 0.0, **changes})


def money(api_name: str, **changes: object) -> Field:
    return _field(api_name, "currency", "decimal", "0", "250000", **changes)


def whole(api_name: str, low: int = 0, high: int = 5000, **changes: object) -> Field:
    return _field(api_name, "integer", "integer", str(low), str(high), **changes)


def lookup(api_name: str, module: str, **changes: object) -> Field:
    return _field(api_name, "lookup", "lookup", lookup=module, **changes)


def date(api_name: str, **changes: object) -> Field:
    return _field(api_name, "date", "date", **changes)


def moment(api_name: str, **changes: object) -> Field:
    return _field(api_name, "datetime", "datetime", **changes)


ID = _field("id", "bigint", "id", label="Record Id", read_only=True, blank=0.0, stable=True)
CREATED_TIME = _field("Created_Time", "datetime", "created", read_only=True, blank=0.0, stable=True)
MODIFIED_TIME = _field("Modified_Time", "datetime", "modified", read_only=True, blank=0.0)
OWNER = _field("Owner", "ownerlookup", "user", lookup="users", blank=0.0, stable=True)
CREATED_BY = _field("Created_By", "ownerlookup", "user", lookup="users", blank=0.0, stable=True, read_only=True)
MODIFIED_BY = _field("Modified_By", "ownerlookup", "user", lookup="users", blank=0.0, read_only=True)
TAG = _field("Tag", "text", "multipick", "vip", "2026 campaign", "do not call", json_type="jsonarray", blank=0.7)
DESCRIPTION = _field("Description", "textarea", "edition", length=32000, blank=0.0)

SYSTEM = (
    ID,
    OWNER,
    CREATED_TIME,
    MODIFIED_TIME,
    CREATED_BY,
    MODIFIED_BY,
    _field("Last_Activity_Time", "datetime", "modified", read_only=True, blank=0.0),
    TAG,
    pick("Currency", ("EUR", "USD", "INR"), stable=True, blank=0.0),
    _field("Exchange_Rate", "double", "decimal", "1", "2", decimals=9, stable=True, blank=0.0),
    pick("Record_Status__s", ("Available", "Draft"), blank=0.0),
    flag("$approved", stable=True),
)


def _address(prefix: str, *, compound: str) -> tuple[Field, ...]:
    """Parts that can be exported, and the compound that metadata lists and bulk read refuses."""
    return (
        text(f"{prefix}Street", "street"),
        text(f"{prefix}City", "city"),
        text(f"{prefix}State", "state"),
        text(f"{prefix}Zip", "zip", stable=True),
        text(f"{prefix}Country", "country", stable=True),
        _field(compound, "text", "text", json_type="jsonobject", exportable=False),
    )


def _person(extra: tuple[Field, ...]) -> tuple[Field, ...]:
    return (
        *SYSTEM,
        pick("Salutation", ("Mr.", "Mrs.", "Ms.", "Dr.", "Prof.")),
        text("First_Name", "first_name", stable=True, blank=0.05),
        text("Last_Name", "last_name", stable=True, blank=0.0),
        _field("Email", "email", "email", blank=0.05, stable=True),
        _field("Secondary_Email", "email", "email", blank=0.8, stable=True),
        _field("Phone", "phone", "phone"),
        _field("Mobile", "phone", "phone", blank=0.4),
        text("Title", "subject"),
        pick("Lead_Source", PICK_SOURCES),
        flag("Email_Opt_Out"),
        multi("Products_of_Interest", PICK_PRODUCTS),
        DESCRIPTION,
        textarea("Notes_Internal", custom=True),
        moment("Last_Contacted"),
        *extra,
    )


LEADS = _person(
    (
        text("Company", "company", stable=True, blank=0.0),
        _field("Website", "website", "website", stable=True),
        pick("Lead_Status", ("Attempted to Contact", "Contacted", "Junk Lead", "Not Contacted", "Pre-Qualified")),
        pick("Industry", PICK_INDUSTRIES),
        pick("Rating", PICK_RATINGS),
        money("Annual_Revenue"),
        whole("No_of_Employees"),
        _field("Skype_ID", "text", "email"),
        _field("$converted", "boolean", "converted", blank=0.0, read_only=True),
        _field("Converted_Date_Time", "datetime", "datetime", blank=0.9),
        *_address("", compound="Address"),
        _field("Coordinates", "text", "text", json_type="jsonobject", exportable=False),
        _field("Lead_Score", "formula", "formula", return_type="double", read_only=True, blank=0.0),
        _field("Record_Image", "profileimage", "text", blank=1.0),
    )
)

CONTACTS = _person(
    (
        lookup("Account_Name", "Accounts", stable=True),
        lookup("Reporting_To", "Contacts", blank=0.7),
        text("Department", "subject"),
        date("Date_of_Birth", stable=True),
        whole("Visits"),
        *_address("Mailing_", compound="Mailing_Address"),
        *_address("Other_", compound="Other_Address"),
        _field("Full_Name", "text", "last_name", stable=True, read_only=True, blank=0.0),
        _field("Contact_Score", "formula", "formula", return_type="double", read_only=True, blank=0.0),
        _field("Order_History", "subform", "text", blank=1.0),
    )
)

ACCOUNTS = (
    *SYSTEM,
    text("Account_Name", "company", stable=True, blank=0.0),
    _field("Account_Number", "autonumber", "autonumber", "ACC-", stable=True, blank=0.0),
    _field("Phone", "phone", "phone"),
    _field("Website", "website", "website", stable=True),
    lookup("Parent_Account", "Accounts", blank=0.8),
    pick("Account_Type", ("Analyst", "Competitor", "Customer", "Partner")),
    pick("Industry", PICK_INDUSTRIES),
    pick("Rating", PICK_RATINGS),
    money("Annual_Revenue"),
    whole("Employees"),
    _field("SIC_Code", "integer", "integer", "100", "9999"),
    _field("Global_Reach", "bigint", "integer", "1000000000000", "9000000000000000000", custom=True),
    DESCRIPTION,
    *_address("Billing_", compound="Billing_Address"),
    *_address("Shipping_", compound="Shipping_Address"),
    _field("Open_Deals_Amount", "rollup_summary", "formula", return_type="currency", read_only=True, blank=0.0),
)

DEALS = (
    *SYSTEM,
    text("Deal_Name", "subject", blank=0.0),
    _field("Deal_Number", "autonumber", "autonumber", "DL-", stable=True, blank=0.0),
    lookup("Account_Name", "Accounts", stable=True),
    lookup("Contact_Name", "Contacts"),
    money("Amount"),
    _field("Probability", "percent", "integer", "0", "100"),
    pick("Stage", PICK_STAGES, blank=0.0),
    pick("Lead_Source", PICK_SOURCES),
    date("Closing_Date", blank=0.0),
    multi("Products", PICK_PRODUCTS),
    text("Next_Step", "sentence"),
    DESCRIPTION,
    _field("Expected_Revenue", "formula", "formula", return_type="currency", read_only=True, blank=0.0),
    _field("Overall_Sales_Duration", "integer", "integer", "0", "400", read_only=True),
    _field("Is_Overdue", "formula", "boolean", return_type="boolean", read_only=True, blank=0.0),
    _field("Competitors", "multiselectlookup", "text", blank=1.0),
)

TASKS = (
    *SYSTEM,
    text("Subject", "subject", blank=0.0),
    date("Due_Date"),
    pick("Status", PICK_TASK_STATES, blank=0.0),
    pick("Priority", PICK_PRIORITIES, blank=0.0),
    lookup("Who_Id", "Contacts"),
    lookup("What_Id", "Deals"),
    moment("Closed_Time", blank=0.6),
    flag("Send_Notification_Email"),
    DESCRIPTION,
)

EVENTS = (
    *SYSTEM,
    text("Event_Title", "subject", blank=0.0),
    _field("Start_DateTime", "datetime", "meeting_start", blank=0.0, stable=True),
    _field("End_DateTime", "datetime", "meeting_end", blank=0.0, stable=True),
    flag("All_day", stable=True),
    text("Venue", "street"),
    lookup("Who_Id", "Contacts"),
    lookup("What_Id", "Deals"),
    _field("Recurring_Activity", "RRULE", "text", blank=1.0, exportable=False),
    _field("Remind_At", "datetime", "datetime", blank=0.5),
    DESCRIPTION,
)

AUDIT_TRAIL = (
    ID,
    text("Name", "subject", blank=0.0, stable=True),
    CREATED_TIME,
    pick("Action", ("Created", "Viewed", "Exported"), custom=True, stable=True),
    _field("Occurred_At", "datetime", "datetime", custom=True, stable=True),
    _field("Actor", "ownerlookup", "user", lookup="users", stable=True, blank=0.0),
)

SKILL_LINKS = (
    ID,
    lookup("Contact", "Contacts", stable=True, blank=0.0),
    pick("Skill", ("Python", "SQL", "日本語"), stable=True, blank=0.0),
    whole("Level", 1, 10),
)


def _wide(count: int) -> tuple[Field, ...]:
    makers = (
        lambda name: text(name, "sentence", custom=True),
        lambda name: whole(name, custom=True),
        lambda name: money(name, custom=True),
        lambda name: date(name, custom=True),
        lambda name: flag(name, custom=True),
        lambda name: pick(name, PICK_RATINGS, custom=True),
    )
    readings = (makers[number % len(makers)](f"Reading_{number:03d}") for number in range(count))
    return (*SYSTEM, text("Name", "subject", blank=0.0), DESCRIPTION, *readings)


NOTES = (*SYSTEM, text("Note_Title", "subject"), textarea("Note_Content"), lookup("Parent_Id", "Contacts"))


def _module(ordinal: int, api_name: str, singular: str, plural: str, fields: tuple[Field, ...] = ()) -> Module:
    return Module(api_name=api_name, ordinal=ordinal, fields=fields, singular=singular, plural=plural)


def _made(kind: str, module: Module) -> Module:
    return replace(module, generated_type=kind)


def standard_modules() -> tuple[Module, ...]:
    """The org that the simulator starts with."""
    return (
        _module(1, "Leads", "Lead", "Leads", LEADS),
        _module(2, "Accounts", "Account", "Accounts", ACCOUNTS),
        _module(3, "Contacts", "Contact", "Contacts", CONTACTS),
        _module(4, "Deals", "Deal", "Deals", DEALS),
        _module(5, "Tasks", "Task", "Tasks", TASKS),
        _module(6, "Events", "Meeting", "Meetings", EVENTS),
        _made("custom", _module(7, "Audit_Trail__c", "Audit Entry", "Audit Trail", AUDIT_TRAIL)),
        _made("linking", _module(8, "Contacts_X_Skills", "Skill Link", "Skill Links", SKILL_LINKS)),
        _made("custom", _module(9, "Measurements", "Measurement", "Measurements", _wide(230))),
        replace(_module(10, "Notes", "Note", "Notes", NOTES), bulk=False),
        replace(
            _made("custom", _module(11, "Old_Surveys", "Old Survey", "Old Surveys", AUDIT_TRAIL)), status="user_hidden"
        ),
        replace(_made("web", _module(12, "Home", "Home", "Home")), api_supported=False, bulk=False),
        replace(_module(13, "Reports", "Report", "Reports"), api_supported=False, bulk=False),
    )
