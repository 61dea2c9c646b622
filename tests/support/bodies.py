"""Bodies as the sender writes them, one of each form, and the one signature that is public."""

ACCOUNT = (
    b'{"addressLine1":"5 Harbour Walk","addressLine2":"Floor 2","city":"Bristol","stateProvince":"Avon",'
    b'"country":"GB","postalCode":"BS1 4RN","telephone":"0117 496 0018","status":"Active","isManaged":false,'
    b'"links":[{"rel":"self","href":"/v2/accounts/KELP"},{"rel":"parentAccount","href":"/v2/accounts/REEF"}],'
    b'"accountAlias":"KELP","businessName":"Kelp & Daughters","parentAlias":"REEF","primaryDataCenter":"GB3"}'
)

ACCOUNT_2013 = (
    b'{"uri":"/v2/accounts/MOSS","alias":"MOSS","businessName":"Moss Bakery, Ltd","addressLine1":"9 Mill Lane",'
    b'"addressLine2":"","city":"Leeds","stateProvince":"Yorkshire","country":"GB","postalCode":"LS1 5AA",'
    b'"telephone":"0113 496 0277","fax":null,"status":"Active"}'
)

ACCOUNT_DELETED = (
    b'{"status":"Deleted","isManaged":false,"links":[{"rel":"self","href":"/v2/accounts/KELP"},'
    b'{"rel":"parentAccount","href":"/v2/accounts/REEF"}],"accountAlias":"KELP",'
    b'"businessName":"Kelp & Daughters","parentAlias":"REEF","primaryDataCenter":"GB3"}'
)

USER = (
    '{"uri":"/v2/users/zoë.kelp","accountUri":"/v2/accounts/KELP","accountAlias":"KELP","userName":"zoë.kelp",'
    '"emailAddress":"zoe@kelp.example","firstName":"Zoë","lastName":"Kelp","status":"Active"}'
).encode()

USER_DELETED = (
    b'{"uri":"/v2/users/old.hand","accountUri":"/v2/accounts/KELP","accountAlias":"KELP","userName":"old.hand",'
    b'"emailAddress":"hand@kelp.example","firstName":"Old","lastName":"Hand","status":"Deleted"}'
)

SERVER = (
    b'{"id":"GB3KELPWEB01","name":"GB3KELPWEB01","description":"Shop front",'
    b'"groupId":"5b1c0d7e9f2a43b8a6c4e1d20f3b5a77","isTemplate":false,"locationId":"GB3",'
    b'"osType":"Debian 7 64-bit","status":"active","details":{"ipAddresses":[{"internal":"10.20.30.11"},'
    b'{"public":"203.0.113.40","internal":"10.20.30.12"}],"alertPolicies":[{"id":"9e3f5c7a1b2d4e6f8a0c2e4f6a8b0d1c",'
    b'"name":"Memory","links":[{"rel":"self","href":"/v2/alertPolicies/KELP/9e3f5c7a1b2d4e6f8a0c2e4f6a8b0d1c"}]}],'
    b'"cpu":2,"diskCount":1,"inMaintenanceMode":false,"memoryMB":8192,"powerState":"started","storageGB":40,'
    b'"disks":[{"id":"0:0","sizeGB":40,"partitionPaths":[]}],"partitions":[],"snapshots":[],'
    b'"customFields":[{"id":31,"name":"Owner","value":"SHOP","displayValue":"SHOP"}]},"type":"standard",'
    b'"storageType":"standard","changeInfo":{"createdBy":"zoe.kelp","createdDate":"2015-03-02T09:00:05Z",'
    b'"modifiedBy":"ops@kelp.example","modifiedDate":"2016-07-19T22:14:31Z"},"links":[{"rel":"self",'
    b'"href":"/v2/servers/KELP/GB3KELPWEB01","id":"GB3KELPWEB01","verbs":["GET","PATCH","DELETE"]},'
    b'{"rel":"group","href":"/v2/groups/KELP/5b1c0d7e9f2a43b8a6c4e1d20f3b5a77",'
    b'"id":"5b1c0d7e9f2a43b8a6c4e1d20f3b5a77"},{"rel":"account","href":"/v2/accounts/KELP","id":"kelp"},'
    b'{"rel":"billing","href":"/v2/billing/KELP/serverPricing/GB3KELPWEB01"},'
    b'{"rel":"statistics","href":"/v2/servers/KELP/GB3KELPWEB01/statistics"}]}'
)

SERVER_REAL = (
    b'{"id":"va1mossdb03","name":"VA1MOSSDB03","description":"Orders","groupId":"c2f81a0e5d7b49638e0b7d5f1a2c4e68",'
    b'"isTemplate":false,"locationId":"VA1","osType":"CentOS 6 64-bit","os":"centOS6_64Bit","status":"active",'
    b'"details":{"ipAddresses":[{"internal":"10.88.7.19"}],"secondaryIPAddresses":[],"alertPolicies":[],"cpu":1,'
    b'"diskCount":3,"hostName":"va1mossdb03","inMaintenanceMode":false,"memoryMB":2048,"powerState":"started",'
    b'"storageGB":17,"disks":[{"id":"0:0","sizeGB":1,"partitionPaths":[]},{"id":"0:1","sizeGB":2,'
    b'"partitionPaths":[]},{"id":"0:2","sizeGB":14,"partitionPaths":[]}],"partitions":[{"sizeGB":0.0,'
    b'"path":"(swap)"},{"sizeGB":13.655,"path":"/"},{"sizeGB":0.482,"path":"/boot"}],"snapshots":[],'
    b'"customFields":[]},"type":"standard","storageType":"standard","changeInfo":{"createdBy":"baker.moss",'
    b'"createdDate":"2015-11-09T06:30:12Z","modifiedBy":"baker.moss","modifiedDate":"2015-11-09T06:33:40Z"},'
    b'"links":[{"rel":"self","href":"/v2/servers/moss/va1mossdb03","id":"va1mossdb03",'
    b'"verbs":["GET","PATCH","DELETE"]},{"rel":"group","href":"/v2/groups/moss/c2f81a0e5d7b49638e0b7d5f1a2c4e68",'
    b'"id":"c2f81a0e5d7b49638e0b7d5f1a2c4e68"},{"rel":"account","href":"/v2/accounts/moss","id":"moss"},'
    b'{"rel":"billing","href":"/v2/billing/moss/serverPricing/va1mossdb03"},'
    b'{"rel":"capabilities","href":"/v2/servers/moss/va1mossdb03/capabilities"}]}'
)

SERVER_2013 = (
    b'{"accountAlias":"MOSS","accountUri":"/v2/accounts/MOSS","cpu":4,"description":"Till in the old shop",'
    b'"diskCount":2,"groupUri":"/v2/serverGroups/UC1/2207","id":"88121","ipAddresses":[{"address":"198.51.100.9"},'
    b'{"address":"10.9.8.7"}],"isTemplate":false,"locationAlias":"UC1","memoryMB":2048,"name":"UC1MOSSTILL0101",'
    b'"osType":"Windows 2008 64-bit","powerState":"Started","status":"Active","storageGB":30,'
    b'"uri":"/v2/servers/UC1/UC1MOSSTILL0101"}'
)

SERVER_DELETED = b'{"accountAlias":"KELP","name":"GB3KELPWEB01"}'

ALERT = (
    b'{"accountAlias":"KELP","serverName":"GB3KELPWEB01","triggers":[{"data":{"cpu":2,"cpuPercent":88.10},'
    b'"duration":"00:10:00","metric":"cpu","stateEndTime":"2016-02-11T04:25:00Z",'
    b'"stateStartTime":"2016-02-11T04:05:00Z","state":"notTriggered"}]}'
)

# The capture's publisher masked the body after it was signed, so this pair never verifies.
USER_MASKED = (
    b'{"uri":"/v2/users/testingWH","accountUri":"/v2/accounts/TEST","accountAlias":"TEST","userName":"testingWH",'
    b'"emailAddress":"test@centurylinkcloud.com","firstName":"testing2","lastName":"webhook","status":"Active"}'
)

CAPTURED_SIGNATURE = (
    "KA5v2WiDq4sBCRk4uWWcRhhotvE8vzdAfhAChEDt780kbHIh38DrflJO5TyW7z3gYvjxN64fEDR5r5dP0hTdPOSg4EE29YMRGTdtpFg4+qad"
    "g4Jki9UiHwoRcIFDl2D5Cb446JGZ9wBHvU1/ddaITR085EGNS+3vTh05XM9B8gxyR+mJAbPO7YZNbxSdw2B8G+ZC3fgXaMn7hm2VsYG/WIzer"
    "OOrHCLh/9UdvOepphYymLS9PR+A6hkT37yAK31Aw/I8l/fVPrg2XalsDEwE0TuMoxS2YrxSdBk+x81uTH3ZSTEkdrqDHxJX2Ua3CDQPCc5bC7"
    "fTTgHFh0/wXqTnvw=="
)
