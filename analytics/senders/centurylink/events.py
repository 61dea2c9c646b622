"""The ten events of CenturyLink Cloud: their names, their colours, and what fires them."""

from analytics.senders.sender import Event

# One hue a category, from the set of Okabe and Ito, which people see apart whatever their colour vision; in each hue
# Updated, the most frequent, is the pale one and Deleted the one with most contrast to the page.
EVENTS = (
    Event("Account.Created", "#b5477d", "#d264a0", "a sub-account is made"),
    Event("Account.Updated", "#dfa0c4", "#e9b3d2", "its status, name, address, telephone, fax or time zone changes"),
    Event("Account.Deleted", "#6d1f48", "#8f3c6b", "it is deleted"),
    Event("Alert.Notification", "#e08a00", "#f0a53c", "an alert policy's threshold is exceeded, or no longer is"),
    Event("Server.Created", "#0072b2", "#3a9bdc", "a server is made"),
    Event("Server.Updated", "#84bfe6", "#a3d0f2", "its power, size, disks, addresses, group or description changes"),
    Event("Server.Deleted", "#083d66", "#2b6795", "it is deleted"),
    Event("User.Created", "#00875f", "#1fb286", "a user is made"),
    Event("User.Updated", "#80cbb0", "#96dcc3", "status, password, PIN, name, e-mail, telephone or time zone changes"),
    Event("User.Deleted", "#00452f", "#147a5a", "it is deleted"),
)
