/*
title = "Public address added to a server"
severity = "medium"
why = """
A server with a public address can be reached from the whole internet, and so can whatever listens on it. It is how data \
leaves and how intruders come back."""
todo = """
Ask the actor why the server must be public, and check its firewall policy, which notifications do not show. If nobody \
needs the address, remove it."""
references = [
    "MITRE ATT&CK T1133, External Remote Services: https://attack.mitre.org/techniques/T1133/",
    "MITRE ATT&CK T1190, Exploit Public-Facing Application: https://attack.mitre.org/techniques/T1190/",
    "NIST SP 800-53 SC-7, Boundary Protection",
]

# An actor who adds several within an hour stays medium, and one who does not belong there has a rule of its own.
everyday = "administrators add addresses as part of their work"

[reasons]
medium = "the server can be reached from the whole internet"

[parameters]
partial_days = 7    # how long a body that does not name its addresses may hide one that was there before
deleted_days = 7    # how long after its deletion a server that comes back by an update counts as one that comes back
apart_seconds = 60  # how long after another notification of a new server its creation may come

[[fires]]
title = "A server gets a public address"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"id":"wa1acmeweb01","name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"}],
"cpu":2,"memoryMB":4096,"powerState":"started"},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","href":"/v2/accounts/acme","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"id":"wa1acmeweb01","name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"},
{"public":"203.0.113.9","internal":"10.8.1.12"}],
"cpu":2,"memoryMB":4096,"powerState":"started"},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","href":"/v2/accounts/acme","id":"acme"},{"rel":"publicIPAddress","id":"203.0.113.9"}]}'''

[[fires]]
title = "An internal address is made public, and another public address is replaced, at one go"
expected = ["medium WA1ACMEWEB01: eve added the public addresses 198.51.100.7, 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"},
{"public":"203.0.113.200","internal":"10.8.1.12"}],"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"},
{"public":"198.51.100.7","internal":"10.8.1.12"}],"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A server comes out of construction with a public address"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"underConstruction","changeInfo":{"createdBy":"eve","createdDate":"{{at}}",
"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:08:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A server is there for the first time, and has two public addresses"
expected = ["medium WA1ACMEWEB01: eve added the public addresses 198.51.100.7, 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"},
{"internal":"10.8.1.12"},{"public":"198.51.100.7","internal":"10.8.1.13"}],"cpu":2},"changeInfo":{"createdBy":"eve","createdDate":"{{at}}","modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "The body of a new server spells the name of the field with an escape"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"\u0070ublic":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"createdBy":"eve","createdDate":"{{at}}","modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "An address becomes public behind a body without details"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForRestore",
"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:10:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A public address gives way to another behind a body without details"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.77 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForRestore",
"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:10:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.77","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A public address that a body without details hid is removed, and added again a day later"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForRestore",
"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:10:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-05T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "An address comes twice, once with a public one"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"},{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "One of two public addresses of one internal address is removed after a body without details, and added again"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"},
{"public":"198.51.100.7","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForRestore",
"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"},
{"public":"198.51.100.7","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T12:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"},
{"public":"198.51.100.7","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"bob","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T13:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"},
{"public":"198.51.100.7","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A body of the new form has a public address that the one of the old form before it did not name"
expected = ["medium WA1ACMEWEB01: eve added the public address 198.51.100.7 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"accountAlias":"ACME","name":"WA1ACMEWEB01","status":"Active","cpu":2,"powerState":"Started",
"ipAddresses":[{"address":"203.0.113.9"},{"address":"10.8.1.11"},{"address":"10.8.1.12"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"},
{"public":"198.51.100.7","internal":"10.8.1.12"}],"cpu":2,"powerState":"started"},
"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "The platform says that it happened in the year 9999"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"}],"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"9999-12-31T23:59:59Z"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A server is deleted, and an update brings it back with a public address"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"}],"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB01"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-10T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A server comes back without details, and then has the public address that it had before its deletion"
expected = [
    "medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME.",
    "medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME.",
]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-02-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"}],"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-02-03T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-03T10:00:00Z
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB01"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForRestore","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:10:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A server is created public, and an update with the same body comes two seconds before the creation"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"createdBy":"eve","createdDate":"2026-03-04T09:59:58Z","modifiedBy":"eve","modifiedDate":"2026-03-04T09:59:58Z"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:02Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"createdBy":"eve","createdDate":"2026-03-04T09:59:58Z","modifiedBy":"eve","modifiedDate":"2026-03-04T09:59:58Z"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A server is seen public for the first time at a target URL of its category, ten minutes after its creation"
expected = ["medium WA1ACMEWEB01: eve added the public address 203.0.113.9 to WA1ACMEWEB01 of ACME."]
[[fires.notifications]]
event = "Server"
at = 2026-03-04T10:10:02Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"createdBy":"eve","createdDate":"2026-03-04T10:00:00Z","modifiedBy":"eve","modifiedDate":"2026-03-04T10:10:00Z"},
"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "An internal address is added, then a public one removed"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"},
{"internal":"10.8.1.12"}],"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"internal":"10.8.1.11"},{"internal":"10.8.1.12"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A public address leads to another internal one"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.99"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A body without details comes between"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForRestore",
"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A body with details comes between, but they do not name the addresses"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"cpu":4},
"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":4},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A body without details comes between, and two public addresses lead to one internal address"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"},
{"public":"198.51.100.7","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForRestore",
"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"},
{"public":"198.51.100.7","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A server that was public before the receiver saw it first"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "Servers that were public before the receiver saw them first, at target URLs of their category, and a creation an hour later"
[[silent.notifications]]
event = "Server"
at = 2026-03-04T10:00:00Z
body = '''{"accountAlias":"ACME","name":"WA1ACMEWEB01","status":"Active","cpu":2,
"ipAddresses":[{"address":"203.0.113.9"},{"address":"10.8.1.11"}]}'''
[[silent.notifications]]
event = "Server"
at = 2026-03-04T10:00:02Z
body = '''{"name":"WA1ACMEWEB02","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"createdBy":"eve","createdDate":"2026-03-01T10:00:00Z","modifiedBy":"eve","modifiedDate":"2026-03-04T10:00:00Z"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-04T11:00:02Z
body = '''{"name":"WA1ACMEWEB02","status":"active","details":{"ipAddresses":[{"public":"203.0.113.9","internal":"10.8.1.11"}],
"cpu":2},"changeInfo":{"createdBy":"eve","createdDate":"2026-03-01T10:00:00Z","modifiedBy":"eve","modifiedDate":"2026-03-04T10:00:00Z"},
"links":[{"rel":"account","id":"acme"}]}'''
*/
-- An address appears as a whole item that is added or removed, or as an item's field `public`. A list may be a single object
-- instead. The whole body counts for a server that is created public, or restored after deletion, whatever addresses it had
-- before.
WITH first_seen AS (
    SELECT notification_id AS id, seq, changed_at, entity_id, old_value IS NOT NULL AS is_back
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'Server' AND path = '' AND kind = 'added'
),
-- A body that comes again as a deletion deletes the server at the body's own time, but after it.
came_back AS (
    SELECT first_seen.id
    FROM first_seen
    SEMI JOIN changes AS gone
        ON gone.entity_id = first_seen.entity_id AND is_back
            AND (gone.changed_at, gone.seq) <= (first_seen.changed_at, first_seen.seq)
            AND gone.changed_at >= first_seen.changed_at - to_days($deleted_days)
            -- This bound of the whole range follows from the others, and avoids reading all other changes.
            AND gone.changed_at >= $since::TIMESTAMPTZ - to_days($deleted_days)
            AND gone.sender = 'centurylink' AND gone.category = 'Server' AND gone.path = '' AND gone.kind = 'removed'
),
-- The creation may come after an update of the new server, and changes nothing then.
created_later AS (
    SELECT first_seen.id, arg_min(creation.id, (received_at, creation.seq)) AS creation_id, min(received_at) AS created_received_at
    FROM first_seen
    JOIN notifications AS creation
        ON creation.entity_id = first_seen.entity_id
            AND least(occurred_at, received_at) >= first_seen.changed_at
            AND least(occurred_at, received_at) <= first_seen.changed_at + to_seconds($apart_seconds)
            AND occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
            AND least(occurred_at, received_at) < $until::TIMESTAMPTZ + to_seconds($apart_seconds)
            AND creation.sender = 'centurylink' AND creation.category = 'Server' AND creation.action = 'Created'
            AND creation.duplicate_of IS NULL
    GROUP BY first_seen.id
),
sights AS MATERIALIZED (
    SELECT id, changed_at, created_received_at
    FROM first_seen
    LEFT JOIN created_later USING (id)
),
-- At a target URL of the category the action is open where the server was changed within an hour of its creation. Each body is
-- parsed once.
bodies AS MATERIALIZED (
    SELECT
        id,
        changed_at,
        notifications.entity_id,
        account_alias,
        actor,
        payload -> ['$.details.ipAddresses', '$.details.secondaryIPAddresses', '$.ipAddresses'] AS lists
    FROM notifications
    JOIN sights USING (id)
    WHERE occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
        AND notifications.sender = 'centurylink' AND notifications.category = 'Server' AND duplicate_of IS NULL
        AND (
            action = 'Created' OR id IN (FROM came_back)
            OR created_received_at <= received_at + to_seconds($apart_seconds)
            OR (
                action IS NULL
                AND payload ->> '$.changeInfo.createdDate' IS NOT NULL AND payload ->> '$.changeInfo.modifiedDate' IS NOT NULL
            )
        )
),
-- The old form lists public and internal addresses alike; the receiver's comparison separates them in the same way.
whole AS (
    SELECT
        * EXCLUDE (lists),
        list_concat(
            lists[1] ->> '$[*].public',
            [lists[1] ->> 'public'],
            lists[2] ->> '$[*].public',
            [lists[2] ->> 'public'],
            list_filter(
                lists[3] ->> '$[*].address',
                lambda address: regexp_full_match(address, '[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+|[0-9a-fA-F.]*:[0-9a-fA-F:.]*')
                    AND NOT regexp_matches(
                        lower(address),
                        '^(10[.]|192[.]168[.]|172[.](1[6-9]|2[0-9]|3[01])[.]|169[.]254[.]|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)'
                    )
            )
        ) AS public_addresses
    FROM bodies
    -- This only saves time. DuckDB has written these values, so no name is spelled with escapes.
    WHERE contains(lists[1]::VARCHAR, '"public"') OR contains(lists[2]::VARCHAR, '"public"') OR lists[3] IS NOT NULL
),
-- Noise adds no address, but shows earlier ones: another form has the same addresses in other places. The receiver compares
-- a list as a whole where two addresses have the same key, or one has none.
lists AS MATERIALIZED (
    SELECT
        notification_id,
        changed_at,
        entity_id,
        account_alias,
        actor,
        CASE
            WHEN notification_id IN (SELECT id FROM whole) THEN []
            WHEN ends_with(path, '.public') THEN [old_value ->> '$']
            ELSE list_append(old_value ->> '$[*].public', old_value ->> 'public')
        END AS befores,
        CASE
            WHEN noise THEN []
            WHEN ends_with(path, '.public') THEN [new_value ->> '$']
            ELSE list_append(new_value ->> '$[*].public', new_value ->> 'public')
        END AS nows
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'Server'
        AND (starts_with(path, 'details.ipAddresses') OR starts_with(path, 'details.secondaryIPAddresses'))
        AND (ends_with(path, '.public') OR ends_with(path, ']') OR ends_with(path, 'Addresses'))
        -- This only saves time: most addresses are internal. The receiver writes these values, and no name with escapes.
        AND (
            ends_with(path, '.public')
            OR contains(old_value::VARCHAR, '"public"') OR contains(new_value::VARCHAR, '"public"')
        )
),
addresses AS (
    SELECT * EXCLUDE (befores, nows), unnest(befores) AS before, NULL AS now FROM lists
    UNION ALL
    SELECT * EXCLUDE (befores, nows), NULL, unnest(nows) FROM lists
    UNION ALL
    SELECT id, changed_at, entity_id, account_alias, actor, NULL, unnest(public_addresses) FROM whole
),
-- A list that is compared as a whole may change and keep an address. A body that does not have a list says nothing about the
-- addresses in it.
vanished AS MATERIALIZED (
    SELECT
        notification_id,
        changed_at,
        entity_id,
        kind,
        list_path,
        noise OR is_unnamed AS is_untold,
        unnest(list_filter(
            if(
                ends_with(path, '.public'),
                [old_value ->> '$'],
                list_append(old_value ->> '$[*].public', old_value ->> 'public')
            ),
            lambda address: NOT coalesce(
                list_contains(list_append(new_value ->> '$[*].public', new_value ->> 'public'), address), false
            )
        )) AS public
    FROM (
        SELECT
            *,
            regexp_extract(path, '^details[.](secondaryIP|ip)Addresses') AS list_path,
            bool_or(kind = 'removed' AND path = list_path) OVER (PARTITION BY notification_id, list_path) AS is_unnamed
        FROM changes
        WHERE changed_at >= $since::TIMESTAMPTZ - to_days($partial_days) AND changed_at < $until::TIMESTAMPTZ
            AND sender = 'centurylink' AND category = 'Server' AND kind <> 'added'
            AND (starts_with(path, 'details.ipAddresses') OR starts_with(path, 'details.secondaryIPAddresses'))
            AND (ends_with(path, '.public') OR ends_with(path, ']') OR ends_with(path, 'Addresses'))
    )
),
-- A body that has the list again names all addresses that are still in it.
named_again AS (
    SELECT changed_at, entity_id, path AS list_path
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ - to_days($partial_days) AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'Server' AND kind = 'added'
        AND path IN ('details.ipAddresses', 'details.secondaryIPAddresses')
),
-- Of a server that comes back no address is known: not of before its deletion, and not if its body does not name any.
returned AS (
    SELECT notification_id, changed_at, entity_id
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ - to_days($partial_days) AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'Server' AND path = '' AND kind = 'added' AND old_value IS NOT NULL
),
-- An address that no body said to be gone was missing in a body with fewer fields; it was not really removed.
hidden AS (
    SELECT entity_id, changed_at, list_path, public
    FROM vanished
    WHERE is_untold AND kind = 'removed' AND notification_id NOT IN (SELECT notification_id FROM returned)
),
steps AS (
    SELECT
        notification_id,
        changed_at,
        entity_id,
        account_alias,
        actor,
        list_sort(list_filter(
            list_distinct(list(now)),
            lambda address: address <> '' AND NOT list_contains(coalesce(list(before), []), address)
        )) AS gained
    FROM addresses
    WHERE now IS NULL OR NOT EXISTS (
        SELECT 1
        FROM hidden
        WHERE hidden.entity_id = addresses.entity_id AND hidden.public = addresses.now
            AND NOT EXISTS (
                SELECT 1
                FROM vanished AS gone
                WHERE gone.changed_at > hidden.changed_at AND gone.changed_at < addresses.changed_at
                    AND gone.entity_id = addresses.entity_id AND gone.public = hidden.public AND NOT gone.is_untold
            )
            AND NOT EXISTS (
                SELECT 1
                FROM named_again
                WHERE named_again.changed_at > hidden.changed_at AND named_again.changed_at < addresses.changed_at
                    AND named_again.entity_id = addresses.entity_id AND named_again.list_path = hidden.list_path
            )
            AND NOT EXISTS (
                SELECT 1
                FROM returned
                WHERE returned.changed_at > hidden.changed_at AND returned.changed_at <= addresses.changed_at
                    AND returned.entity_id = addresses.entity_id
            )
            AND hidden.changed_at < addresses.changed_at
            AND hidden.changed_at >= addresses.changed_at - to_days($partial_days)
    )
    GROUP BY ALL
)
SELECT
    changed_at AS found_at,
    'Server' AS category,
    entity_id,
    account_alias,
    actor,
    concat(
        if(actor IS NULL, 'The', concat(actor, ' added the')), ' public address', if(len(gained) > 1, 'es ', ' '),
        array_to_string(gained, ', '),
        if(actor IS NULL, if(len(gained) > 1, ' were added', ' was added'), ''), ' to ', entity_id, ' of ', coalesce(account_alias, '(no account)'), '.'
    ) AS sentence,
    list_filter([notification_id, creation_id], lambda one: one IS NOT NULL) AS notification_ids
FROM steps
LEFT JOIN created_later ON created_later.id = notification_id
WHERE len(gained) > 0
