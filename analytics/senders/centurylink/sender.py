"""CenturyLink Cloud for the pages: its kinds of entities, data centres and alerts, and the meanings of columns."""

from analytics.senders.centurylink.wording import EVENTS, WORDING
from analytics.senders.sender import Alerts, Examples, Kind, Place, Sender

ENTITY = "Account alias, user name or server name, in upper case"
NOTIFICATION = {
    "sender": "Kind of sender: centurylink",
    "event_type": "Event, such as Server.Updated; NULL where the target URL can't tell it",
    "category": "Account, User, Server or Alert",
    "action": "Created, Updated, Deleted or Notification; NULL where not known",
    "entity_id": f"{ENTITY}; of an alert its server",
    "actor": "The user who made the change (changeInfo.modifiedBy); servers only",
    "payload": "Body as JSON, byte for byte: payload ->> 'status', payload -> 'details'",
}
ENTITIES = {
    "sender": "Kind of sender of its latest notification: centurylink",
    "category": "Account, User, Server; Alert for a server's alerts",
    "entity_id": ENTITY,
}
CHANGES = {
    "category": "Account, User or Server",
    "entity_id": ENTITY,
    "actor": "The user who made the change; servers only",
    "path": "Field, such as details.powerState; empty for the whole body",
}
REJECTED = {"sender": "Kind of sender: centurylink; NULL where it is not known"}
ACCOUNTS = {"business_name": "Its name; NULL where no Account notification told it"}
TABLES = {
    "events": NOTIFICATION,
    "notifications": NOTIFICATION,
    "entities": ENTITIES,
    "accounts": ACCOUNTS,
    "changes": CHANGES,
    "rejected": REJECTED,
}

SENDER = Sender(
    name="centurylink",
    events=EVENTS,
    kinds=(
        Kind("Account", ":material/apartment:"),
        Kind(
            "User",
            ":material/person:",
            unseen="a password, say",
            unseen_long="With users that is a password, PIN, title, telephone number or time zone.",
        ),
        Kind("Server", ":material/dns:", also=("Alert",)),
    ),
    account="Account",
    person="User",
    names_actors="only those of servers name one",
    place=Place("Data centre", "Server", "by the names of servers", 3, "[A-Z]{2}[0-9]"),
    alerts=Alerts(
        event="Alert.Notification",
        kind="Server",
        states="alert_states",
        first_state="alerts_of_entity",
        deleted="alert_servers_deleted",
        above="triggered",
        below="nottriggered",
        how_to="Set the target URL of the event Alert.Notification in the sender's portal (the page Set up has it), "
        "and give servers an alert policy: each crossing of its threshold then shows here.",
    ),
    signature_header="Tier3-RsaSha1",
    signature_scheme="RSA with SHA-1 over the body",
    how_to="1. In the Control Portal, open the account's **Settings**, **API**, **Webhooks**, and choose an event.\n"
    "2. Paste its target URL from below, and save.\n"
    "3. Tick **Include sub-accounts** to get the events of all accounts below this one as well. Where a "
    "sub-account has a target URL of its own too, both send: the copy is stored, marked, and not counted twice.",
    examples=Examples("Server.Updated", "Server", "ipAddresses, cpu, status"),
    wording=WORDING,
    meanings={(table, column): said for table, columns in TABLES.items() for column, said in columns.items()},
)
