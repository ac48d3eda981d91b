"""The keys of the store: one table, and the functions that write them.

Everything lives under `accessbot:` in one database of a single Redis or Valkey (7.0 or newer, replicas allowed; not a
Redis Cluster: one commit touches many keys). Times are Unix milliseconds.

| key | type | holds | gone |
|---|---|---|---|
| `request:<id>` | string | a request: `<rev> <json>`, the JSON packed | never |
| `grant:<id>` | string | a grant | never |
| `pair:<group>/<user>` | string | what is known of a pair | 30 days after its last grant ended |
| `mapping:<group>` | string | what a Google group was found to open | never |
| `roster:<group>` | string | who is in a mapped group beside those whom grants put there; `*`: of all groups | never |
| `click:<id>` | string | a press of a button | 7 days after it was done |
| `review:<id>` | string | the after-use review of an emergency | never |
| `delegation:<person>` | string | in whose hands a person left their decisions | a day after it is over |
| `shifts:<schedule>` | string | what an on-call schedule last said | never |
| `freeze:<key>` | string | new access that an operator holds back | never |
| `board:<key>` | string | the copies sent of a message | 400 days after they last changed |
| `requests:<state>` | sorted set | request ids by creation | |
| `grants:<state>` | sorted set | grant ids by start | |
| `pending:<person>` | sorted set | ids of a person's pending requests, by creation | when empty |
| `held:<person>` | sorted set | ids of a person's grants that have not ended, by end | when empty |
| `on:<group>` | sorted set | `<user> <grant>` for each grant on a group that has not ended | when empty |
| `left:<group>` | sorted set | Google users by the end of their last grant on a group | after 30 days |
| `recent:<person>` | sorted set | ids of a person's grants by when they began, ended ones too | after 30 days |
| `shift:<schedule>` | set | ids of the grants for shifts of a schedule that have not ended | when empty |
| `bundle:<id>` | set | ids of the requests that were asked for together | 30 days after the last one changed |
| `reviews` | sorted set | ids of the reviews that nobody closed yet, by when they were opened | when empty |
| `delegated:<person>` | set | who left their decisions in a person's hands | a day after the last one is over |
| `freezes` | set | keys of the freezes in force | when empty |
| `groups` | set | Google groups that have a mapping or a roster, and `*` | never |
| `mapped:<GroupId>` | set | Google groups that were ever mapped to an Identity Center group | never |
| `live:<grant>` | string | there while the grant is active | at the grant's end (`PEXPIREAT`) |
| `audit` | stream | one event an entry, id `<ms>-<seq>` | never |
| `audit:state` | hash | `seq` and `ms` of the last event; `late`: most ms any event was older than its id | never |
| `audit:person:<id>` | list | stream ids of the events of a requester or an actor | never |
| `audit:entitlement:<id>` | list | stream ids of the events of an entitlement | never |
| `due:<lane>` | sorted set | names of works by when they come up next | |
| `work:<name>` | hash | a begun work: `token`, `until`, `attempts`; `again`: due anew while claimed | with the work |
| `ops:<day>:<000-fff>` | hash | digests of the operations written that day: the token of the call | after 7 days |
| `lease:<name>` | string | the owner's token | after its hold |
| `seen:<key>` | string | a delivery that was seen: the token of the call that saw it | as the caller says |
| `beats` | hash | living processes: role, catalog hash, how clocks get on, until when | with the process |
| `tallies` | hash | how often what is counted happened, by name (`alerts.brake`) | never |
| `mark` | string | what this database is for (`sandbox`), absent on a real one | never |
| `restoring` | string | what the store is being restored from: nobody else writes or works | when it is done |
| `bucket:<vendor>` | hash | what is left of a quota that all workers share; its pause | after ten idle minutes |
| `breaker:<vendor>` | hash | failures in a row, and until when nobody calls | with the next answer |
| `confirm` | string | the last write of `confirm`, which replicas acknowledge | after a minute |

An id of the audit stream is the event's time or, where a later one was written before, that one's: so ids never go
back, and every event's time is at most its id's and at least its id's less `late`.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "accessbot:"

AUDIT: Final = f"{PREFIX}audit"
AUDIT_STATE: Final = f"{PREFIX}audit:state"
GROUPS: Final = f"{PREFIX}groups"
FREEZES: Final = f"{PREFIX}freezes"
REVIEWS: Final = f"{PREFIX}reviews"
BEATS: Final = f"{PREFIX}beats"
TALLIES: Final = f"{PREFIX}tallies"
MARK: Final = f"{PREFIX}mark"
CONFIRM: Final = f"{PREFIX}confirm"
RESTORING: Final = f"{PREFIX}restoring"


def key(kind: str, name: str) -> str:
    """Write the key of a kind of the table above: `accessbot:grant:g_1`."""
    return f"{PREFIX}{kind}:{name}"
