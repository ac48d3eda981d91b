"""How a record's JSON becomes small: deflate, primed with the words that every record holds.

A hundred thousand live grants are mostly the same field names, so the text shrinks to less than half. A packed record
reads `z1` and then the deflated bytes; text that does not shrink stays as it is.
"""

from __future__ import annotations

import zlib
from typing import Final

_MARK: Final = "z1"
_WINDOW: Final = -12  # raw deflate in a window of 4 KB, which holds the words below and a record of usual size
_MEMORY: Final = 5

# Part of the stored form: changing one letter makes every packed record unreadable. Add a second one, `z2`, instead.
_WORDS_1: Final = (
    b'","account_id":"","permission_set":{"arn":"arn:aws:sso:::permissionSet/ssoins-","name":"","session":3600000},'
    b'"checked_at":17,"named":"","fault":"'
    b'{"v":1,"refs":[{"channel":"C0","ts":"17"}],"digest":"'
    b'{"v":1,"action":"approve","subject":"r_","actor":"U0","at":17,"reason":"","answer_to":"","done":true,"tone":"done",'
    b'"sentence":"deny","revoke"'
    b'"last_ended_at":17{"v":1,"standing":{"google":false,"aws/":false}}true'
    b'"end_cause":"ended_early","end_cause":"expired","end_actor":"accessbot","end_reason":"","ending_at":17,"ended_at":17,'
    b'"failure":"","waiting_for":"","kept":"standing"overlap"state":"revoking"state":"revoked"provision_failed'
    b'{"v":1,"request_id":"r_","requester":"U0","email":"@example.com","entitlement":"","account_id":"","account_name":'
    b'"Production","permission_set":"AdministratorAccess","google_group":"aws-@","google_user_id":"1","aws_group_id":"",'
    b'"aws_user_id":"","state":"active","duration":3600000,"approved_at":17,"starts_at":17,"expires_at":17,'
    b'"activated_at":17,"session":3600000}'
    b'"kind":"extend","state":"denied","state":"cancelled","decision_reason":"","decided_by":"accessbot",'
    b'{"v":1,"requester":"U0","entitlement":"-admin","duration":3600000,"reason":"","state":"approved","created_at":17,'
    b'"expires_at":17,"catalog_hash":"","email":".com","announced":true,"votes":[{"approver":"U0","email":"@","at":17}],'
    b'"decided_by":"U0","decided_at":17,"grant_id":"g_","answer_to":"{\\"channel\\":\\"C0\\",\\"response_url\\":'
    b'\\"https://hooks.slack.com/commands/T0\\"}"}'
)


def pack(text: str) -> bytes:
    """Give the shorter of the text itself and its packed form."""
    plain = text.encode()
    squeezer = zlib.compressobj(9, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _WORDS_1)
    packed = _MARK.encode() + squeezer.compress(plain) + squeezer.flush()
    return packed if len(packed) < len(plain) else plain


def unpack(stored: str) -> str:
    """Read what `pack` gave, as the client hands over bytes that are no text; raises `ValueError` when damaged."""
    if not stored.startswith(_MARK):
        return stored
    packed = stored[len(_MARK) :].encode("utf-8", "surrogateescape")
    opener = zlib.decompressobj(_WINDOW, _WORDS_1)
    try:
        text = opener.decompress(packed) + opener.flush()
    except zlib.error as error:
        raise ValueError(f"a packed record cannot be unpacked: {error}") from error
    if not opener.eof or opener.unused_data:
        raise ValueError("a packed record is cut off")
    return text.decode()
