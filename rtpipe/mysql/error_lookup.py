"""What the table of error numbers says of an error of the server."""

from __future__ import annotations

from rtpipe.mysql.error_numbers import ADVICE, CLASSES, MEANING, OF_A_TRIGGER, Action

#: The class of the SQLSTATE that no server uses itself.
_SIGNALLED = "45"
#: What the client itself reports, and proxies in its name: an error of the connection to the server.
_CLIENT, _PROXY = range(2000, 3000), range(9000, 9011)
_ACTIONS = {number: action for action, numbers in MEANING.items() for number in numbers}
_WORDS = {number: words for numbers in MEANING.values() for number, words in numbers.items()}


def is_known(number: int) -> bool:
    """Whether the table has the number itself."""
    return number in _ACTIONS


def is_signalled(number: int, sqlstate: str) -> bool:
    """Whether a trigger or a routine raised it (SIGNAL), by whatever number: no server uses this SQLSTATE itself."""
    return sqlstate[:2] == _SIGNALLED and number not in _CLIENT and number not in _PROXY


def action_of(number: int, sqlstate: str = "") -> Action:
    """What to do about an error, as far as it tells by itself."""
    if is_signalled(number, sqlstate):
        return Action.DATA
    if number in _ACTIONS:
        return _ACTIONS[number]
    if number in _CLIENT:
        return Action.LOST
    if number in _PROXY:
        return Action.WAIT
    return CLASSES.get(sqlstate[:2], Action.UNKNOWN)


def is_connection_error(number: int) -> bool:
    """Whether client or proxy report it, and not the server: it was not reached, or was lost."""
    return not number or number in _CLIENT or number in _PROXY


def advice_for(number: int) -> str:
    """What to do about it; "" where its words say enough."""
    return ADVICE.get(number, "")


def words_for(number: int, sqlstate: str = "") -> str:
    """Our own words for it; of one that is in no table, that it was refused."""
    if is_signalled(number, sqlstate):
        return _WORDS[OF_A_TRIGGER]
    return _WORDS.get(number, "refused by the server")
