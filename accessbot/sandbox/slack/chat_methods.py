"""The Web API methods that post, change and open conversations (docs.slack.dev/reference/methods)."""

from collections.abc import Callable
from typing import Any

from accessbot.sandbox.slack.arguments import Arguments
from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.limits import check_message
from accessbot.sandbox.slack.people import Channel
from accessbot.sandbox.slack.state import Message, State

Json = dict[str, Any]
Method = Callable[[Arguments], Json]


class ChatMethods:
    """`chat.*` and `conversations.*` as the app's bot user."""

    def __init__(self, state: State) -> None:
        """Act on `state`."""
        self._state = state
        self.table: dict[str, Method] = {
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.getPermalink": self._permalink,
            "conversations.open": self._open,
            "conversations.info": self._info,
            "conversations.members": self._members,
            "conversations.history": self._history,
        }

    def _post(self, args: Arguments) -> Json:
        channel = self._target(args.required("channel", "channel_not_found"))
        if self._state.bot.id not in channel.members:
            raise SlackError("not_in_channel")
        text = args.text("text")
        blocks = check_message(text, args.blocks())
        message = self._state.new_message(channel.id, self._state.bot.id, text, blocks)
        message.thread_ts = args.text("thread_ts") or None
        self._state.post(message)
        return {"channel": channel.id, "ts": message.ts, "message": self._shown(message)}

    def _post_ephemeral(self, args: Arguments) -> Json:
        channel = self._state.channel(args.required("channel", "channel_not_found"))
        user = args.required("user", "user_not_in_channel")
        if self._state.bot.id not in channel.members:
            raise SlackError("not_in_channel")
        if user not in channel.members:
            raise SlackError("user_not_in_channel")
        text = args.text("text")
        blocks = check_message(text, args.blocks())
        message = self._state.new_message(channel.id, self._state.bot.id, text, blocks)
        message.thread_ts = args.text("thread_ts") or None
        message.only_for = user
        self._state.post(message)
        return {"message_ts": message.ts}

    def _update(self, args: Arguments) -> Json:
        channel = self._state.channel(args.required("channel", "channel_not_found"))
        message = self._own(channel, args.required("ts", "message_not_found"), "cant_update_message")
        text = args.text("text")
        blocks = check_message(text, args.blocks())  # a text without blocks removes the blocks there were
        self._state.change(message, text, blocks)
        return {"channel": channel.id, "ts": message.ts, "text": text, "message": self._shown(message)}

    def _delete(self, args: Arguments) -> Json:
        channel = self._state.channel(args.required("channel", "channel_not_found"))
        message = self._own(channel, args.required("ts", "message_not_found"), "cant_delete_message")
        self._state.remove(message)
        return {"channel": channel.id, "ts": message.ts}

    def _permalink(self, args: Arguments) -> Json:
        channel = self._state.channel(args.required("channel", "channel_not_found"))
        message = self._state.find(channel.id, args.required("message_ts", "message_not_found"))
        if message is None or message.only_for is not None:
            raise SlackError("message_not_found")
        link = f"https://{self._state.cast.team_domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
        if message.thread_ts:
            link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
        return {"channel": channel.id, "permalink": link}

    def _open(self, args: Arguments) -> Json:
        users = [user for user in args.text("users").split(",") if user]
        if args.text("channel"):
            channel = self._state.channel(args.text("channel"))
        elif len(users) == 1:
            person = self._state.person(users[0])
            if person.deleted:
                raise SlackError("user_disabled")
            if person.id == self._state.bot.id:
                raise SlackError("not_enough_users")
            channel = self._state.im_of(person)
        else:
            raise SlackError("users_list_not_supplied" if not users else "method_not_supported_for_channel_type")
        return {"channel": channel.to_slack() if args.flag("return_im") else {"id": channel.id}}

    def _info(self, args: Arguments) -> Json:
        channel = self._state.channel(args.required("channel", "channel_not_found"))
        if channel.private and self._state.bot.id not in channel.members:
            raise SlackError("channel_not_found")
        info = channel.to_slack()
        if channel.im_of is None:
            info["is_member"] = self._state.bot.id in channel.members
            if args.flag("include_num_members"):
                info["num_members"] = len(channel.members)
        return {"channel": info}

    def _members(self, args: Arguments) -> Json:
        channel = self._state.channel(args.required("channel", "channel_not_found"))
        page, cursor = paged(list(channel.members), args)
        return {"members": page, "response_metadata": {"next_cursor": cursor}}

    def _history(self, args: Arguments) -> Json:
        channel = self._state.channel(args.required("channel", "channel_not_found"))
        if self._state.bot.id not in channel.members:
            raise SlackError("not_in_channel")
        oldest, latest = args.text("oldest"), args.text("latest")
        inclusive = args.flag("inclusive")
        shown = [
            self._shown(message)
            for message in reversed(self._state.visible(channel.id, ""))
            if message.only_for is None
            and not self._is_reply(message)
            and _after(message.ts, oldest, inclusive=inclusive)
            and (not latest or _after(latest, message.ts, inclusive=inclusive))
        ]
        page, cursor = paged(shown, args)
        return {"messages": page, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}

    def _target(self, where: str) -> Channel:
        """Find a conversation by its id, or the direct messages with a person by theirs."""
        if not where.startswith(("U", "W")):
            channel = self._state.channel(where)
            if channel.archived:
                raise SlackError("is_archived")
            return channel
        person = self._state.person(where, "channel_not_found")
        if person.deleted or person.id == self._state.bot.id:
            raise SlackError("channel_not_found")
        return self._state.im_of(person)

    def _own(self, channel: Channel, ts: str, code: str) -> Message:
        """Find a message of the app; an ephemeral one cannot be reached through the Web API."""
        message = self._state.find(channel.id, ts)
        if message is None or message.only_for is not None:
            raise SlackError("message_not_found")
        if not message.by_bot:
            raise SlackError(code)
        return message

    def _is_reply(self, message: Message) -> bool:
        return message.thread_ts is not None and self._state.find(message.channel, message.thread_ts) is not None

    def _shown(self, message: Message) -> Json:
        """Return a message; the first of a thread says how many answers there are, and of whom."""
        shown = message.to_slack(self._state.cast.team_id)
        replies = self._state.replies(message)
        if replies:
            writers = list(dict.fromkeys(reply.user for reply in replies))
            shown |= {
                "thread_ts": message.ts,
                "reply_count": len(replies),
                "reply_users_count": len(writers),
                "reply_users": writers,
                "latest_reply": replies[-1].ts,
            }
        return shown


def paged(items: list[Any], args: Arguments, default: int = 100) -> tuple[list[Any], str]:
    """Cut a page out of a list by `limit` and `cursor`; return it and the next cursor ("" at the end).

    Raises:
        SlackError: `invalid_cursor`, `invalid_limit`.
    """
    limit = args.number("limit", default)
    if limit < 1:
        raise SlackError("invalid_limit")
    cursor = args.text("cursor") or "next:0"
    head, _, offset = cursor.partition(":")
    if head != "next" or not offset.isdecimal():
        raise SlackError("invalid_cursor")
    start = int(offset)
    end = start + limit
    return items[start:end], f"next:{end}" if end < len(items) else ""


def _after(ts: str, bound: str, *, inclusive: bool) -> bool:
    return not bound or float(ts) > float(bound) or (inclusive and float(ts) == float(bound))
