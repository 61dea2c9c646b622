"""The words of the simulated world: companies, people, places, data centres, operating systems."""

from typing import NamedTuple


class City(NamedTuple):
    """A company's city, and the data centre near it."""

    city: str
    state_province: str
    country: str
    postal_code: str
    data_center: str


class OperatingSystem(NamedTuple):
    """An operating system as the platform spells it, twice."""

    os_type: str
    os: str


COMPANY_FIRST = (
    *("Harbor", "Cedar", "Northwind", "Blue Mesa", "Summit", "Lakeside", "Granite", "Copper Hill", "Juniper"),
    *("Falcon", "Prairie", "Silver Fork", "Evergreen", "Tidewater", "Red Rock", "Orchard", "Beacon", "Kestrel"),
    *("Maple", "Stonebridge", "Willow", "Ironwood", "Müller", "Café Noir", "Øresund", "Polaris", "Quarry Lane"),
    *("Riverbend", "Thistle", "Union Square", "Vista", "Westgate", "Yellow Barn", "Zephyr", "Aspen", "Bayou"),
)
COMPANY_SECOND = (
    *("Foods", "Logistics", "Dental Group", "Robotics", "Insurance", "Outfitters", "Media", "Analytics", "Textiles"),
    *("Freight", "Games", "Brewing", "Credit Union", "Optics", "Printing", "Biotech", "Travel", "Energy", "Paper"),
)
COMPANY_LAST = (", Inc", " LLC", " Ltd", "", " Group", " & Sons", " GmbH")

FIRST_NAMES = (
    *("Ada", "Bruno", "Carla", "Dmitri", "Elena", "Farid", "Grace", "Hiro", "Ingrid", "Jamal", "Kavya", "Liam"),
    *("Maya", "Noor", "Oscar", "Priya", "Quentin", "Rosa", "Samuel", "Tess", "Uma", "Victor", "Wendy", "Ximena"),
    *("Yusuf", "Zoe", "Åsa", "Björn", "Chloé", "Łukasz", "Martha", "Nils"),
)
LAST_NAMES = (
    *("Abbott", "Barros", "Chen", "Drake", "Eriksen", "Fuentes", "Goldman", "Hansen", "Ibarra", "Jensen", "Kapoor"),
    *("Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Quinn", "Ramos", "Sato", "Torres", "Underwood"),
    *("Vargas", "Whitfield", "Xu", "Young", "Zeller", "O'Neill", "Núñez", "García", "Smith", "Brandt", "Costa"),
)
STREETS = (
    *("Pine St", "2nd Ave", "Market St", "Harbor Blvd", "Cherry Lane", "Industrial Way", "Main St", "Lake Ave"),
    *("Station Road", "Mill Road", "Broadway", "Park Lane", "King St", "Canal St", "Elm St", "Commerce Dr"),
)
CITIES = (
    City("Bellevue", "WA", "USA", "98004", "WA1"),
    City("Seattle", "WA", "USA", "98101", "WA1"),
    City("Salt Lake City", "UT", "USA", "84101", "UT1"),
    City("Santa Clara", "CA", "USA", "95050", "UC1"),
    City("Chicago", "IL", "USA", "60601", "IL1"),
    City("New York", "NY", "USA", "10001", "NY1"),
    City("Sterling", "VA", "USA", "20166", "VA1"),
    City("Ashburn", "VA", "USA", "20147", "VA1"),
    City("Toronto", "ON", "Canada", "M5H 2N2", "CA2"),
    City("Vancouver", "BC", "Canada", "V6B 1A1", "CA1"),
    City("Mississauga", "ON", "Canada", "L5B 3C1", "CA3"),
    City("Slough", "Berkshire", "United Kingdom", "SL1 1AA", "GB3"),
    City("Portsmouth", "Hampshire", "United Kingdom", "PO1 2AB", "GB1"),
    City("Frankfurt am Main", "Hessen", "Germany", "60311", "DE1"),
    City("Köln", "Nordrhein-Westfalen", "Germany", "50667", "DE1"),
    City("Singapore", "", "Singapore", "048616", "SG1"),
)
DATA_CENTERS = ("CA1", "CA2", "CA3", "DE1", "GB1", "GB3", "IL1", "NY1", "SG1", "UC1", "UT1", "VA1", "WA1")
OPERATING_SYSTEMS = (
    OperatingSystem("CentOS 6 64-bit", "centOS6_64Bit"),
    OperatingSystem("Ubuntu 14 64-bit", "ubuntu14_64Bit"),
    OperatingSystem("Debian 7 64-bit", "debian7_64Bit"),
    OperatingSystem("RedHat Enterprise Linux 7 64-bit", "redHat7_64Bit"),
    OperatingSystem("Windows 2012 R2 Datacenter 64-bit", "windows2012R2Datacenter_64Bit"),
)
SERVER_ROLES = ("WEB", "SQL", "APP", "DB", "TST", "MAIL", "CACHE", "DC", "API", "FTP", "LOG", "DISQL", "BLD", "VPN")
DESCRIPTIONS = (
    *("Production web server", "Test bed for the new release", "Database of the shop", "Build agent", "Intranet"),
    *("Domain controller", "Mail relay; do not power off", "Staging / QA", "Büro Köln", "Reporting (month end)"),
    *("Cache in front of the API", "Old version, to be removed", "Customer portal <beta>", "Batch jobs, nightly"),
    *("Log collector", "Load balancer", "File transfer for partners", "Spare", "Demo for the sales team", ""),
)
POLICY_NAMES = ("Production - CPU", "Production - RAM", "Disk nearly full", "Web servers - CPU", "Default alerts")
CUSTOM_FIELDS: tuple[tuple[int | str, str, tuple[str, ...]], ...] = (
    (22, "Cost Center", ("IT-DEV", "IT-OPS", "SALES", "R&D")),
    (237, "CMDB ID", ("1100003", "1100417", "1102290")),
    ("9f3c0e4b7d1a4c52a6f08e21b35d7c90", "Owner", ("Platform", "Shop", "Finance")),
)
