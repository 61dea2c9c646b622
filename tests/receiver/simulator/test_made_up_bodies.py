"""The simulator's bodies: byte for byte as the platform writes them."""

import orjson

from receiver.senders.centurylink.made_up import bodies
from receiver.senders.centurylink.made_up.world import (
    Account,
    Alert,
    AlertPolicy,
    CustomField,
    Partition,
    PublicAddress,
    Server,
    User,
)

SERVER = Server(
    name="DE1WIDGWEB02",
    account_alias="WIDG",
    location="DE1",
    description="Büro / test",
    group_id="00112233445566778899aabbccddeeff",
    activity_id="ffeeddccbbaa99887766554433221100",
    os_type="CentOS 6 64-bit",
    os="centOS6_64Bit",
    kind="standard",
    storage_type="premium",
    created_by="acher.widg",
    modified_by="bsmith.widg",
    cpu=2,
    memory_gb=4,
    internal_addresses=("10.81.1.11",),
    disks_gb=(1, 16),
    partitions=(Partition("0.0", "(swap)"), Partition("2.890", "/")),
    status="active",
    has_snapshot=True,
    public_addresses=(PublicAddress("192.0.2.7", "10.81.1.12"),),
    alert_policies=(AlertPolicy("aa" * 16, "CPU"),),
    custom_fields=(CustomField(22, "Cost Center", "IT"),),
    autoscale_policy_id="bb" * 16,
)


def test_a_server_body_is_byte_for_byte_as_the_platform_writes_it():
    made = bodies.server_body(SERVER, 1442932707, 1442932871).decode()
    assert made.startswith(
        '{"id":"de1widgweb02","name":"DE1WIDGWEB02","description":"Büro / test",'
        '"groupId":"00112233445566778899aabbccddeeff","isTemplate":false,"locationId":"DE1",'
        '"osType":"CentOS 6 64-bit","os":"centOS6_64Bit","status":"active","details":{"ipAddresses":'
        '[{"internal":"10.81.1.11"},{"public":"192.0.2.7","internal":"10.81.1.12"}],"secondaryIPAddresses":[],'
        '"alertPolicies":[{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","name":"CPU","links":[{"rel":"self",'
        '"href":"/v2/alertPolicies/widg/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},{"rel":"alertPolicyMap","href":'
        '"/v2/servers/widg/de1widgweb02/alertPolicies/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","verbs":["DELETE"]}]}],'
        '"cpuAutoscalePolicy":{"id":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","links":[{"rel":"self",'
        '"href":"/v2/autoscalePolicies/widg/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}]},"cpu":2,"diskCount":2,'
        '"hostName":"de1widgweb02","inMaintenanceMode":false,"memoryMB":4096,"powerState":"started","storageGB":17,'
        '"disks":[{"id":"0:0","sizeGB":1,"partitionPaths":[]},{"id":"0:1","sizeGB":16,"partitionPaths":[]}],'
        '"partitions":[{"sizeGB":0.0,"path":"(swap)"},{"sizeGB":2.890,"path":"/"}],"snapshots":[{"name":'
        '"2015-09-22.15:08:27","links":[{"rel":"self","href":"/v2/servers/widg/de1widgweb02/snapshots/10"},'
    )
    assert (
        '"customFields":[{"id":22,"name":"Cost Center","value":"IT","displayValue":"IT"}]},"type":"standard",'
        '"storageType":"premium","changeInfo":{"createdBy":"acher.widg","createdDate":"2015-09-22T14:38:27Z",'
        '"modifiedBy":"bsmith.widg","modifiedDate":"2015-09-22T14:41:11Z"},"links":[{"rel":"self",'
        '"href":"/v2/servers/widg/de1widgweb02","id":"de1widgweb02","verbs":["GET","PATCH","DELETE"]},'
    ) in made
    assert made.endswith(
        '{"rel":"publicIPAddress","href":"/v2/servers/widg/de1widgweb02/publicIPAddresses/192.0.2.7",'
        '"id":"192.0.2.7","verbs":["GET","PUT","DELETE"]}]}'
    )


def test_a_server_under_construction_has_no_details():
    young = Server(**{name: getattr(SERVER, name) for name in SERVER.__slots__} | {"status": "underConstruction"})
    assert "details" not in orjson.loads(bodies.server_body(young, 0, 0))


def test_a_deleted_server_is_its_alias_and_name():
    assert bodies.server_deleted_body(SERVER) == b'{"accountAlias":"WIDG","name":"DE1WIDGWEB02"}'


def test_account_user_and_alert_bodies_are_byte_for_byte_as_the_platform_writes_them():
    account = Account(
        alias="WIDG",
        business_name="Widgets & Co",
        parent_alias="SUNR",
        depth=1,
        address_line1="1 Mill Road",
        address_line2="",
        city="Köln",
        state_province="NW",
        country="Germany",
        postal_code="50667",
        telephone="206-555-0100",
        data_center="DE1",
    )
    assert bodies.account_body(account).decode() == (
        '{"addressLine1":"1 Mill Road","addressLine2":"","city":"Köln","stateProvince":"NW","country":"Germany",'
        '"postalCode":"50667","telephone":"206-555-0100","status":"Active","isManaged":false,"links":[{"rel":"self",'
        '"href":"/v2/accounts/WIDG"},{"rel":"parentAccount","href":"/v2/accounts/SUNR"}],"accountAlias":"WIDG",'
        '"businessName":"Widgets & Co","parentAlias":"SUNR","primaryDataCenter":"DE1"}'
    )
    assert bodies.user_body(User("acher.widg", "WIDG", "a@widg.example", "Anne", "Cher")) == (
        b'{"uri":"/v2/users/acher.widg","accountUri":"/v2/accounts/WIDG","accountAlias":"WIDG",'
        b'"userName":"acher.widg","emailAddress":"a@widg.example","firstName":"Anne","lastName":"Cher",'
        b'"status":"Active"}'
    )
    alert = Alert("WIDG", "DE1WIDGWEB02", "cpu", {"cpu": 2, "cpuPercent": 39.34}, 5, "notTriggered")
    assert bodies.alert_body(alert, 1442932707, 1442932871) == (
        b'{"accountAlias":"WIDG","serverName":"DE1WIDGWEB02","triggers":[{"data":{"cpu":2,"cpuPercent":39.34},'
        b'"duration":"00:05:00","metric":"cpu","stateEndTime":"2015-09-22T14:41:11Z",'
        b'"stateStartTime":"2015-09-22T14:38:27Z","state":"notTriggered"}]}'
    )
