"""Sequences of commands to try on a real server and on ours, and what may differ between their replies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["KINDS", "alike"]

KEY = st.sampled_from([b"a", b"b", b"c", b"none"])
VALUE = st.sampled_from(
    [b"", b"1", b"-7", b"abc", b"3.5", b"\x00\xff", b"10", b"9223372036854775807", b" 1", b"x" * 70]
)
NUMBER = st.sampled_from([b"0", b"1", b"-1", b"2", b"5", b"-100", b"100", b"x", b""])
SCORE = st.sampled_from([b"0", b"1", b"-1.5", b"3.2", b"inf", b"-inf", b"1e20", b"nan", b"x"])
FAR_S = st.sampled_from([b"1000", b"5000", b"0", b"-1", b"x", b"9223372036854775807"])
FAR_MS = st.sampled_from([b"1000000", b"5000000", b"0", b"-1", b"x"])
MEMBER = st.sampled_from([b"m", b"n", b"o", b"1", b"22", b""])
ID = st.sampled_from([b"0", b"1-1", b"2-0", b"5", b"-", b"+", b"7-7", b"x", b"(1-1"])
COUNT = st.sampled_from([b"0", b"1", b"2", b"-1", b"x"])


def word(*texts: str) -> st.SearchStrategy[bytes]:
    """One of these words."""
    return st.sampled_from([text.encode() for text in texts])


def line(*parts: str | st.SearchStrategy[bytes]) -> st.SearchStrategy[tuple[bytes, ...]]:
    """A command of these words and draws."""
    return st.tuples(*(st.just(part.encode()) if isinstance(part, str) else part for part in parts))


STRINGS = st.one_of(
    line("SET", KEY, VALUE),
    line("SET", KEY, VALUE, word("NX", "XX", "GET", "KEEPTTL", "FOO")),
    line("SET", KEY, VALUE, "EX", FAR_S),
    line("SET", KEY, VALUE, "PX", FAR_MS, word("NX", "XX", "GET")),
    line(word("GET", "GETDEL", "STRLEN", "INCR", "DECR", "TYPE"), KEY),
    line(word("GETSET", "APPEND", "SETNX", "INCRBY", "DECRBY"), KEY, VALUE),
    line("INCRBYFLOAT", KEY, st.sampled_from([b"0.1", b"-1.5", b"1e5", b"3.0e-7", b"x", b"inf", b"5"])),
    line(word("GETRANGE", "SUBSTR"), KEY, NUMBER, NUMBER),
    line("SETRANGE", KEY, st.sampled_from([b"0", b"5", b"-1", b"x"]), VALUE),
    line("MSET", KEY, VALUE, KEY, VALUE),
    line("MSET", KEY, VALUE, KEY),
    line(word("MSETNX"), KEY, VALUE, KEY, VALUE),
    line("MGET", KEY, KEY),
    line("SETBIT", KEY, st.sampled_from([b"0", b"7", b"20", b"-1", b"x"]), word("0", "1", "2")),
    line("GETBIT", KEY, NUMBER),
    line("BITCOUNT", KEY, NUMBER, NUMBER, word("BIT", "BYTE", "FOO")),
    line("BITPOS", KEY, word("0", "1", "2"), NUMBER),
    line("BITOP", word("AND", "OR", "XOR", "NOT"), KEY, KEY, KEY),
    line("LCS", KEY, KEY, word("LEN", "IDX", "FOO")),
    line("LCS", KEY, KEY, "IDX", "MINMATCHLEN", word("0", "1", "2"), "WITHMATCHLEN"),
    line("SET", KEY, st.text("abc", max_size=12).map(str.encode)),
)
LISTS = st.one_of(
    line(word("LPUSH", "RPUSH", "LPUSHX", "RPUSHX"), KEY, VALUE, MEMBER),
    line(word("LPOP", "RPOP", "LLEN"), KEY),
    line(word("LPOP", "RPOP"), KEY, COUNT),
    line(word("LRANGE", "LTRIM"), KEY, NUMBER, NUMBER),
    line("LINDEX", KEY, NUMBER),
    line("LSET", KEY, NUMBER, VALUE),
    line("LINSERT", KEY, word("BEFORE", "AFTER", "FOO"), MEMBER, VALUE),
    line("LREM", KEY, NUMBER, MEMBER),
    line("LPOS", KEY, MEMBER, word("RANK", "COUNT", "MAXLEN"), NUMBER),
    line("LMOVE", KEY, KEY, word("LEFT", "RIGHT", "UP"), word("LEFT", "RIGHT")),
    line("RPOPLPUSH", KEY, KEY),
    line("LMPOP", word("1", "2", "0"), KEY, KEY, word("LEFT", "RIGHT"), "COUNT", COUNT),
    line("SORT", KEY, word("ALPHA", "DESC", "ASC")),
)
HASHES = st.one_of(
    line("HSET", KEY, MEMBER, VALUE),
    line("HSET", KEY, MEMBER, VALUE, MEMBER),
    line(word("HGET", "HDEL", "HEXISTS", "HSTRLEN"), KEY, MEMBER),
    line("HSETNX", KEY, MEMBER, VALUE),
    line(word("HGETALL", "HKEYS", "HVALS", "HLEN"), KEY),
    line("HMGET", KEY, MEMBER, MEMBER),
    line("HINCRBY", KEY, MEMBER, VALUE),
    line("HINCRBYFLOAT", KEY, MEMBER, st.sampled_from([b"0.1", b"x", b"5"])),
    line("HRANDFIELD", KEY, word("0", "x")),
    line("HSCAN", KEY, word("0", "x"), "COUNT", word("100", "0", "x")),
)
SETS = st.one_of(
    line(word("SADD", "SREM"), KEY, MEMBER, MEMBER),
    line(word("SMEMBERS", "SCARD"), KEY),
    line("SISMEMBER", KEY, MEMBER),
    line("SMISMEMBER", KEY, MEMBER, MEMBER),
    line(word("SINTER", "SUNION", "SDIFF"), KEY, KEY),
    line(word("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"), KEY, KEY, KEY),
    line("SINTERCARD", word("1", "2", "0", "x"), KEY, KEY),
    line("SMOVE", KEY, KEY, MEMBER),
    line("SPOP", KEY, word("0", "-1", "x", "100")),
    line("SRANDMEMBER", KEY, word("0", "x", "100")),
    line("SSCAN", KEY, "0"),
)
SORTED = st.one_of(
    line("ZADD", KEY, SCORE, MEMBER),
    line("ZADD", KEY, word("NX", "XX", "GT", "LT", "CH", "INCR"), SCORE, MEMBER),
    line("ZADD", KEY, word("NX", "XX"), word("GT", "CH"), SCORE, MEMBER, SCORE, MEMBER),
    line(word("ZSCORE", "ZRANK", "ZREVRANK", "ZREM"), KEY, MEMBER),
    line("ZCARD", KEY),
    line("ZINCRBY", KEY, SCORE, MEMBER),
    line("ZMSCORE", KEY, MEMBER, MEMBER),
    line(word("ZRANGE", "ZREVRANGE"), KEY, NUMBER, NUMBER, "WITHSCORES"),
    line("ZRANGE", KEY, SCORE, SCORE, "BYSCORE"),
    line("ZRANGE", KEY, SCORE, SCORE, "BYSCORE", "REV", "LIMIT", word("0", "1"), COUNT),
    line(word("ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), KEY, SCORE, SCORE, "WITHSCORES"),
    line("ZCOUNT", KEY, SCORE, st.sampled_from([b"(1", b"+inf", b"x", b"5"])),
    line(word("ZPOPMIN", "ZPOPMAX"), KEY),
    line(word("ZPOPMIN", "ZPOPMAX"), KEY, COUNT),
    line("ZMPOP", word("1", "2", "0"), KEY, KEY, word("MIN", "MAX"), "COUNT", COUNT),
    line(word("ZUNION", "ZINTER", "ZDIFF"), "2", KEY, KEY, "WITHSCORES"),
    line(
        word("ZUNIONSTORE", "ZINTERSTORE"),
        KEY,
        "2",
        KEY,
        KEY,
        "WEIGHTS",
        word("1", "2", "x"),
        word("2", "0.5"),
    ),
    line("ZINTERCARD", "2", KEY, KEY),
    line("ZRANGESTORE", KEY, KEY, NUMBER, NUMBER),
    line("ZREMRANGEBYRANK", KEY, NUMBER, NUMBER),
    line("ZREMRANGEBYSCORE", KEY, SCORE, SCORE),
)
STREAMS = st.one_of(
    line("XADD", KEY, ID, MEMBER, VALUE),
    line("XADD", KEY, "MAXLEN", COUNT, ID, MEMBER, VALUE),
    line("XADD", KEY, "NOMKSTREAM", ID, MEMBER, VALUE, MEMBER),
    line("XLEN", KEY),
    line(word("XRANGE", "XREVRANGE"), KEY, ID, ID, "COUNT", COUNT),
    line("XREAD", "COUNT", COUNT, "STREAMS", KEY, KEY, ID, ID),
    line("XREAD", "STREAMS", KEY, word("$", "0", "9-9")),
    line("XGROUP", "CREATE", KEY, MEMBER, ID),
    line("XGROUP", "CREATE", KEY, "g", word("0", "$", "1-1"), "MKSTREAM"),
    line("XGROUP", word("DESTROY"), KEY, word("g", "h")),
    line("XGROUP", word("CREATECONSUMER", "DELCONSUMER"), KEY, word("g", "h"), "me"),
    line("XGROUP", "SETID", KEY, "g", ID),
    line(
        "XREADGROUP",
        "GROUP",
        word("g", "h"),
        word("me", "you"),
        "COUNT",
        COUNT,
        "STREAMS",
        KEY,
        word(">", "0", "x"),
    ),
    line("XACK", KEY, "g", ID),
    line("XPENDING", KEY, word("g", "h")),
    line("XDEL", KEY, ID),
    line("XTRIM", KEY, word("MAXLEN", "MINID", "FOO"), COUNT),
    line("XINFO", "STREAM", KEY),
    line("XINFO", "GROUPS", KEY),
    line("XCLAIM", KEY, "g", "you", word("0", "x"), ID, "JUSTID"),
    line("XAUTOCLAIM", KEY, "g", "you", "0", "0", "JUSTID"),
)
EXPIRY = st.one_of(
    line(word("EXPIRE", "PEXPIRE"), KEY, FAR_S, word("NX", "XX", "GT", "LT", "FOO")),
    line(word("EXPIRE", "EXPIREAT", "PEXPIRE"), KEY, FAR_S),
    line(word("TTL", "PERSIST", "PTTL"), KEY),
    line("GETEX", KEY, word("EX", "PX", "FOO"), FAR_MS),
    line("GETEX", KEY, "PERSIST"),
    line(word("SETEX"), KEY, FAR_S, VALUE),
    line("PSETEX", KEY, FAR_MS, VALUE),
    line("EXPIRETIME", KEY),
)
KEYS = st.one_of(
    line(word("DEL", "UNLINK", "EXISTS", "TOUCH"), KEY, KEY),
    line(word("RENAME", "RENAMENX"), KEY, KEY),
    line("COPY", KEY, KEY, word("REPLACE", "FOO")),
    line(word("TYPE"), KEY),
    line("OBJECT", word("REFCOUNT", "FOO"), KEY),
    line("MOVE", KEY, word("0", "1", "99", "x")),
    line("SELECT", word("0", "1", "99", "x")),
    line("KEYS", word("*", "a*", "[ab]", "?")),
    line("SCAN", "0", "COUNT", "1000", "TYPE", word("string", "list", "stream")),
    line(word("DBSIZE", "FLUSHDB", "RANDOMKEY", "PING", "NOSUCH", "GET"), KEY),
    line("DBSIZE"),
    line("ECHO", VALUE),
)
TRANSACTIONS = st.one_of(
    line(word("MULTI", "EXEC", "DISCARD", "UNWATCH")),
    line("WATCH", KEY),
    line("MULTI", KEY),
    STRINGS,
    LISTS,
    line("NOSUCH"),
)
SCRIPT = st.sampled_from(
    [
        b"return redis.call(ARGV[1], KEYS[1])",
        b"return redis.pcall(ARGV[1], KEYS[1])",
        b"return redis.call(ARGV[1], KEYS[1], ARGV[2])",
        b"return {1, 'a', {2, 3.9, false, nil, 4}}",
        b"redis.setresp(3) return redis.call(ARGV[1], KEYS[1])",
        b"return redis.status_reply(ARGV[1])",
        b"return redis.error_reply(ARGV[2])",
        b"return cjson.encode({a = ARGV[1], b = {1, 2.5, true}})",
        b"local t = redis.call('LRANGE', KEYS[1], 0, -1) return #t",
        b"return tonumber(ARGV[2])",
        b"return ARGV[1] .. ARGV[2] .. #KEYS",
        b"error(ARGV[1])",
        b"return nosuch",
    ]
)
SCRIPTS = st.one_of(
    line(
        "EVAL",
        SCRIPT,
        "1",
        KEY,
        word("GET", "LLEN", "INCR", "HGETALL", "SMEMBERS", "NOSUCH", "TYPE", "DEL"),
        VALUE,
    ),
    line("EVAL_RO", SCRIPT, "1", KEY, word("GET", "INCR"), VALUE),
    line("EVAL", SCRIPT, word("0", "-1", "5", "x"), KEY),
    line("EVALSHA", word("ffff"), "0"),
    STRINGS,
    LISTS,
    HASHES,
)

KINDS: dict[str, st.SearchStrategy[tuple[bytes, ...]]] = {
    "strings": STRINGS | KEYS,
    "lists": LISTS | KEYS,
    "hashes": HASHES | KEYS,
    "sets": SETS | KEYS,
    "sorted sets": SORTED | KEYS,
    "streams": STREAMS | KEYS,
    "expiry": EXPIRY | STRINGS | LISTS,
    "transactions": TRANSACTIONS,
    "scripts": SCRIPTS,
    "mixed": STRINGS | LISTS | HASHES | SETS | SORTED | STREAMS | KEYS,
}

_UNORDERED = {
    b"SMEMBERS",
    b"SINTER",
    b"SUNION",
    b"SDIFF",
    b"KEYS",
    b"HGETALL",
    b"HKEYS",
    b"HVALS",
    b"SPOP",
    b"SRANDMEMBER",
}
_SCANS = {b"SCAN", b"SSCAN", b"HSCAN", b"ZSCAN"}
_CLOCKS = {b"TTL": 1, b"PTTL": 2000, b"EXPIRETIME": 1}


def _sorted(reply: Any) -> Any:
    sign, items = reply
    return (sign, tuple(sorted(items, key=repr))) if isinstance(items, tuple) else reply


def alike(words: tuple[bytes, ...], real: Any, ours: Any) -> bool:
    """Whether two replies say the same: order apart where Redis has none, a moment apart where a clock is read."""
    name = words[0].upper()
    if name in _UNORDERED:
        return bool(_sorted(real) == _sorted(ours))
    if name in _SCANS and real[0] == ours[0] == "*":
        return bool(real[1][0] == ours[1][0] and _sorted(real[1][1]) == _sorted(ours[1][1]))
    if name in _CLOCKS and real[0] == ours[0] == ":":
        return abs(int(real[1]) - int(ours[1])) <= _CLOCKS[name]
    if name == b"EVAL" and any(word in (b"SMEMBERS", b"HGETALL") for word in words):
        return bool(_sorted(real) == _sorted(ours))
    if name == b"XINFO" and real[0] in "*%":
        return _without_nodes(real) == _without_nodes(ours)
    return bool(real == ours)


def _without_nodes(reply: Any) -> str:
    """XINFO tells how a stream lies in memory, which depends on how it grew."""
    first, *rest = repr(reply).split("radix-tree-")
    return first + "".join(part.partition(")")[2].partition(")")[2] for part in rest)
