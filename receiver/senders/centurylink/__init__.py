"""CenturyLink Cloud: its events, signatures, bodies and keys."""

from receiver.senders.centurylink.comparing import COMPARISON
from receiver.senders.centurylink.events import (
    ACCOUNT,
    EVENTS,
    OPEN_EVENTS,
    classify,
    find_event_by_name,
    find_event_by_request,
)
from receiver.senders.centurylink.signature import SIGNATURE_HEADER, check_signature, load_public_key, sign, signs
from receiver.senders.sender import RoutedSender, Verification

__all__ = ["CENTURYLINK"]

CENTURYLINK = RoutedSender(
    name="centurylink",
    title="CenturyLink Cloud",
    events=EVENTS,
    open_events=OPEN_EVENTS,
    find_event_by_request=find_event_by_request,
    find_event_by_name=find_event_by_name,
    verification=Verification(
        header=SIGNATURE_HEADER, load_key=load_public_key, check=check_signature, signs=signs, sign=sign
    ),
    columns=classify,
    account_category=ACCOUNT,
    comparison=COMPARISON,
)
